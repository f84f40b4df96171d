#include "io/trusted_file.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "io/file_system.h"

namespace stator::io {
namespace {

namespace fs = std::filesystem;

Error no_file(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kBadRequest, path + " " + why);
}

std::string octal(mode_t mode) {
  std::string text;
  for (int shift = 9; shift >= 0; shift -= 3) text += static_cast<char>('0' + (mode >> shift & 7));
  return text;
}

// What is wrong with the owner or the mode of `path`; empty: nothing.
std::string concern_of(const std::string& path, const struct stat& facts) {
  const uid_t self = geteuid();
  if (facts.st_uid != 0 && facts.st_uid != self) {
    return path + " is owned by user " + std::to_string(facts.st_uid) +
           ", not by root or by user " + std::to_string(self) + ", who runs this: chown it";
  }
  const bool is_sticky_directory = S_ISDIR(facts.st_mode) && (facts.st_mode & S_ISVTX) != 0;
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_sticky_directory) {
    return path + " has mode " + octal(facts.st_mode & 07777) +
           ", so others can change it: chmod go-w " + path;
  }
  return "";
}

std::string concern_of_directories(const fs::path& path) {
  for (fs::path at = path.parent_path();; at = at.parent_path()) {
    struct stat facts {};
    if (stat(at.c_str(), &facts) != 0) return at.string() + " cannot be looked at";
    std::string concern = concern_of(at.string(), facts);
    if (!concern.empty() || at == at.root_path()) return concern;
  }
}

Result<std::string> read_all(int descriptor, const std::string& path, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = read(descriptor, bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Error(ErrorCode::kStorage, "cannot read all of " + path);
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

Result<TrustedFile> read_trusted_file(const std::string& path, std::size_t limit) {
  std::error_code reason;
  const fs::path given = fs::absolute(path, reason);
  const fs::path real = fs::canonical(given, reason);
  if (reason) return no_file(path, "cannot be found: " + reason.message());
  // Not blocked by a pipe, and not led away by a link that came since.
  const int descriptor = open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0)
    return no_file(path, "cannot be opened: " + std::generic_category().message(errno));
  struct stat facts {};
  const bool is_file = fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode);
  if (!is_file || static_cast<std::uint64_t>(facts.st_size) > limit) {
    close(descriptor);
    return no_file(path, is_file ? "is larger than " + std::to_string(limit) + " bytes"
                                 : "is not a regular file");
  }
  auto bytes = read_all(descriptor, path, static_cast<std::size_t>(facts.st_size));
  close(descriptor);
  if (!bytes.ok()) return std::move(bytes.error());
  TrustedFile file{bytes.take(), concern_of(real.string(), facts)};
  if (file.concern.empty()) file.concern = concern_of_directories(real);
  if (file.concern.empty() && given != real) file.concern = concern_of_directories(given);
  return file;
}

}  // namespace stator::io
