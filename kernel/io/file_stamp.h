// Whether files are still what they were when they were read.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace stator::io {

// Of all of `paths` that are not empty: another number when one of them was written, or is another
// file (put in its place, also an older one; behind links). 0: one is missing.
std::uint64_t file_stamp(std::initializer_list<std::string> paths);

}  // namespace stator::io
