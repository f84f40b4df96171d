#include "out_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"

namespace stator::client {

OutFile::OutFile(const std::string& path) : path_(path) {
  if (path == "-") {
    fd_ = STDOUT_FILENO;
    return;
  }
  // A device or a pipe is written to, not replaced.
  struct stat status = {};
  const bool is_replaced = stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
  if (is_replaced) part_path_ = path + ".part";
  fd_ = open((is_replaced ? part_path_ : path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
             0666);
  if (fd_ < 0) fail();
}

OutFile::~OutFile() {
  if (fd_ > STDERR_FILENO) close(fd_);
  if (!part_path_.empty() && fd_ >= 0) unlink(part_path_.c_str());
}

void OutFile::fail() const {
  throw Failure(kExitUsage, "cannot write '" + path_ + "': " + std::strerror(errno));
}

void OutFile::write(std::string_view bytes) {
  while (!bytes.empty() && !is_unread_) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE && part_path_.empty()) {
      is_unread_ = true;
    } else if (errno != EINTR) {
      fail();
    }
  }
}

void OutFile::finish() {
  if (part_path_.empty()) return;
  if (fsync(fd_) != 0) fail();
  const int closed = close(fd_);
  fd_ = -1;
  if (closed != 0 || std::rename(part_path_.c_str(), path_.c_str()) != 0) fail();
}

}  // namespace stator::client
