#include "reject_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stator/json_writer.hpp"

#include "failure.h"

namespace stator::client {
namespace {

constexpr std::size_t kUnwrittenBytes = 64u * 1024;

}  // namespace

RejectFile::RejectFile(const std::string& path, std::uint64_t bytes) : path_(path), bytes_(bytes) {
  if (path.empty()) return;
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  struct stat status = {};
  if (fd_ < 0 || fstat(fd_, &status) != 0) fail();
  if (!S_ISREG(status.st_mode)) return;
  if (static_cast<std::uint64_t>(status.st_size) < bytes) {
    throw Failure(kExitUsage, "'" + path + "' is shorter than the load before left it");
  }
  const auto end = static_cast<off_t>(bytes);
  if (ftruncate(fd_, end) != 0 || lseek(fd_, end, SEEK_SET) != end) fail();
}

RejectFile::~RejectFile() {
  if (fd_ >= 0) close(fd_);
}

void RejectFile::fail() const {
  throw Failure(kExitUsage, "cannot write '" + path_ + "': " + std::strerror(errno));
}

void RejectFile::write(const Reject& reject) {
  if (fd_ < 0) return;
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("line", reject.line)
      .field("error_code", std::string_view(reject.code))
      .field("error", std::string_view(reject.sentence))
      .end_object();
  unwritten_ += out.view();
  unwritten_ += '\n';
  bytes_ += out.view().size() + 1;
  if (unwritten_.size() >= kUnwrittenBytes) sync();
}

void RejectFile::sync() {
  if (fd_ < 0) return;
  for (std::size_t at = 0; at < unwritten_.size();) {
    const ssize_t written = ::write(fd_, unwritten_.data() + at, unwritten_.size() - at);
    if (written < 0 && errno != EINTR) fail();
    if (written > 0) at += static_cast<std::size_t>(written);
  }
  unwritten_.clear();
  if (fdatasync(fd_) != 0 && errno != EINVAL) fail();
}

}  // namespace stator::client
