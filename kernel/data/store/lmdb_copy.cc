// The copy of an environment comes through a pipe: so it is hashed while it is written, can be
// stopped, and goes through the same file system as every other file.
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "data/store/lmdb_env.h"
#include "io/thread.h"

namespace stator::store {
namespace {

constexpr std::size_t kPieceBytes = 1u * 1024 * 1024;

// Reads up to a whole piece; fewer bytes at the end, nothing behind it.
ByteView read_piece(int descriptor, std::vector<char>& room) {
  std::size_t size = 0;
  while (size < room.size()) {
    const ssize_t got = read(descriptor, room.data() + size, room.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  return {room.data(), size};
}

Status pass_on(int descriptor, const std::function<Status(ByteView)>& sink) {
  std::vector<char> room(kPieceBytes);
  for (;;) {
    const ByteView piece = read_piece(descriptor, room);
    if (piece.empty()) return ok_status();
    STATOR_CHECK(sink(piece));
  }
}

}  // namespace

Status LmdbEnv::copy(const std::function<Status(ByteView)>& sink) {
  const std::lock_guard lock(copying_);
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return failure("copy", errno);
  int reason = 0;
  io::Thread writer("copy", [&] {
    reason = copy_into(ends[1]);
    close(ends[1]);
  });
  Status passed = pass_on(ends[0], sink);
  close(ends[0]);  // a writer that is not done ends with EPIPE
  writer.join();
  if (!passed.ok()) return passed;
  return reason == 0 ? ok_status() : Status(failure("copy", reason));
}

}  // namespace stator::store
