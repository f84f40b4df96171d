#include "io/paced_sync.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/assert.h"

namespace stator::io {
namespace {

// One to three milliseconds of a common SSD; what a commit of the log waits for at most.
constexpr off_t kPieceBytes = 512 * 1024;
// What takes less had next to nothing to write.
constexpr std::chrono::microseconds kNoRest{200};
constexpr std::chrono::milliseconds kRestMax{20};
// Pages that are scattered over a large file are slow one after the other: a disk likes many at a
// time better.
constexpr std::chrono::seconds kPacedMax{2};

constinit thread_local PacedSync* pacing = nullptr;

// Whether there is such a call here, for this file: one that asks for nothing.
bool has_pieces(int descriptor) { return sync_file_range(descriptor, 0, 0, 0) == 0; }

}  // namespace

PacedSync::PacedSync(const std::atomic<bool>& is_urgent) : is_urgent_(is_urgent), left_(kPacedMax) {
  STATOR_ASSERT(pacing == nullptr);
  pacing = this;
}

PacedSync::~PacedSync() { pacing = nullptr; }

bool PacedSync::write_back(int descriptor) {
  using Clock = std::chrono::steady_clock;
  constexpr unsigned kWriteAndWait =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  struct stat about {};
  if (fstat(descriptor, &about) != 0) return false;
  if (!has_pieces(descriptor)) return true;
  for (off_t at = 0; at < about.st_size; at += kPieceBytes) {
    if (left_.count() <= 0 || is_urgent_.load(std::memory_order_relaxed)) break;
    const Clock::time_point begin = Clock::now();
    if (sync_file_range(descriptor, at, kPieceBytes, kWriteAndWait) != 0) return false;
    ++pieces_;
    const Clock::duration took = Clock::now() - begin;
    if (took > kNoRest) std::this_thread::sleep_for(std::min<Clock::duration>(took, kRestMax));
    left_ -= Clock::now() - begin;
  }
  return true;
}

}  // namespace stator::io

extern "C" [[gnu::visibility("default")]] int fdatasync(int descriptor) {
  // The next one: a test may have put its own between.
  static const auto kNext = reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, "fdatasync"));
  STATOR_ASSERT(kNext != nullptr);
  if (stator::io::pacing != nullptr && !stator::io::pacing->write_back(descriptor)) return -1;
  return kNext(descriptor);
}
