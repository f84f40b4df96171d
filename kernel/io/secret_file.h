// A file that holds secrets.
#pragma once

#include <string>

#include "base/result.h"

namespace stator::io {

// All of a regular file of at most `limit` bytes that nobody but its owner may read or write.
// Errors name the path: kBadRequest when it is no such file, kStorage.
Result<std::string> read_secret_file(const std::string& path, std::size_t limit);

}  // namespace stator::io
