#include "input.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"

namespace stator::client {
namespace {

constexpr std::size_t kReadBytes = 256u * 1024;

}  // namespace

Input::Input(const std::string& path) : path_(path) {
  fd_ = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  if (fd_ < 0 || fstat(fd_, &status) != 0 || S_ISDIR(status.st_mode)) {
    const std::string why = S_ISDIR(status.st_mode) ? "is a directory" : std::strerror(errno);
    throw Failure(kExitUsage, "cannot read '" + path + "': " + why);
  }
  if (S_ISREG(status.st_mode)) file_bytes_ = static_cast<std::uint64_t>(status.st_size);
  begin();
}

Input::~Input() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

void Input::begin() {
  while (size_ < 3 && fill()) {
  }
  const std::string_view first(buffer_.data(), size_);
  if (first.starts_with("\xFF\xFE") || first.starts_with("\xFE\xFF")) {
    throw Failure(kExitUsage, "'" + path_ + "' is UTF-16; make it UTF-8 first (iconv -t UTF-8)");
  }
  if (first.starts_with("\xEF\xBB\xBF")) offset_ = at_ = 3;
}

// More bytes behind those that are there; what stands before the last line goes. False: no more.
bool Input::fill() {
  if (is_at_end_) return false;
  if (line_at_ > 0) {
    hash_to(line_at_);
    std::memmove(buffer_.data(), buffer_.data() + line_at_, size_ - line_at_);
    size_ -= line_at_;
    at_ -= line_at_;
    hashed_at_ -= line_at_;
    line_at_ = 0;
  }
  if (buffer_.size() < size_ + kReadBytes) buffer_.resize(size_ + kReadBytes);
  ssize_t bytes = 0;
  do {
    bytes = read(fd_, buffer_.data() + size_, buffer_.size() - size_);
  } while (bytes < 0 && errno == EINTR);
  if (bytes < 0) {
    throw Failure(kExitUsage, "cannot read '" + path_ + "': " + std::strerror(errno));
  }
  is_at_end_ = bytes == 0;
  size_ += static_cast<std::size_t>(bytes);
  return bytes > 0;
}

void Input::hash_to(std::size_t at) {
  if (at <= hashed_at_) return;
  digest_.add({buffer_.data() + hashed_at_, at - hashed_at_});
  hashed_at_ = at;
}

Input::Taken Input::next_line(std::string_view& line) {
  line_at_ = at_;
  line_offset_ = offset_;
  bool is_too_long = false;
  std::size_t looked = at_;
  for (;;) {
    const void* found =
        looked == size_ ? nullptr : std::memchr(buffer_.data() + looked, '\n', size_ - looked);
    if (found != nullptr) {
      const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      line = {buffer_.data() + line_at_, end - line_at_};
      at_ = end + 1;
      break;
    }
    if (size_ - line_at_ > kLineBytesMax) {
      // Let it go by: what is there counts for offset and digest only.
      is_too_long = true;
      offset_ += size_ - line_at_;
      line_at_ = at_ = size_;
    }
    const std::size_t unlooked = size_ - line_at_;
    const bool has_more = fill();
    looked = line_at_ + unlooked;
    if (has_more) continue;
    if (size_ == line_at_ && !is_too_long) return Taken::kEnd;
    line = {buffer_.data() + line_at_, size_ - line_at_};
    at_ = size_;
    break;
  }
  offset_ += at_ - line_at_;
  ++line_number_;
  return is_too_long || line.size() > kLineBytesMax ? Taken::kTooLong : Taken::kLine;
}

bool Input::skip_to(std::uint64_t offset, std::uint64_t lines_before) {
  while (offset_ < offset) {
    if (at_ == size_) {
      line_at_ = at_;
      if (!fill()) return false;
    }
    const std::uint64_t step = std::min<std::uint64_t>(size_ - at_, offset - offset_);
    at_ += static_cast<std::size_t>(step);
    offset_ += step;
  }
  line_at_ = at_;
  line_offset_ = offset_;
  line_number_ = lines_before;
  return true;
}

std::string Input::digest() {
  hash_to(at_);
  return digest_.so_far();
}

std::string Input::digest_before_line() {
  hash_to(line_at_);
  return digest_.so_far();
}

}  // namespace stator::client
