// Bytes as a file that nobody can change any more, this process included (memfd_create(2)).
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace stator::io {

// The path of the file, for who wants one, such as dlopen(3). It stays open until the process ends:
// were it closed, the next one would get the same path, and a loader that knows libraries by their
// path would hand out the old one. `name` is what /proc/PID/maps shows. Error kStorage: no memory,
// no memfd.
Result<std::string> seal_in_memory(const std::string& name, ByteView bytes);

}  // namespace stator::io
