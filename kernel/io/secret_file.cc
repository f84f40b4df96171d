#include "io/secret_file.h"

#include <sys/stat.h>

#include "io/file_system.h"

namespace stator::io {

// The mode is that of the path and not of the open file: whoever can exchange the file between the
// two is its owner, or root.
Result<std::string> read_secret_file(const std::string& path, std::size_t limit) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    return Error(ErrorCode::kBadRequest, path + " cannot be read: there is no such file");
  }
  if (!S_ISREG(about.st_mode)) return Error(ErrorCode::kBadRequest, path + " is no file");
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error(ErrorCode::kBadRequest,
                 path + " can be read or written by others: make it mode 0600");
  }
  if (static_cast<std::uint64_t>(about.st_size) > limit) {
    return Error(ErrorCode::kBadRequest,
                 path + " is larger than " + std::to_string(limit) + " bytes");
  }
  return read_file(posix_file_system(), path);
}

}  // namespace stator::io
