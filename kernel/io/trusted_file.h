// A file whose content the process will obey: who else could change it?
#pragma once

#include <string>

#include "base/result.h"

namespace stator::io {

struct TrustedFile {
  std::string bytes;
  // One sentence with the remedy, if somebody besides root and the user of this process could
  // change the file, put another in its place or repoint a link on its way (owners and modes of the
  // file and of every directory above it; a directory with the sticky bit protects what is in it).
  // Else empty.
  std::string concern;
};

// All of a regular file of at most `limit` bytes. Errors name the path: kBadRequest when it is no
// such file, kStorage.
Result<TrustedFile> read_trusted_file(const std::string& path, std::size_t limit);

}  // namespace stator::io
