// Paths into a document: segments joined by '.', as in "address.city" or "tags.0". A segment names
// a member of an object; of an array it is the element's number, decimal, from 0. A dot always
// separates: a key that contains one cannot be named.
#pragma once

#include <cstddef>
#include <string_view>

#include "value/value.h"

namespace stator::document {

inline constexpr std::size_t kPathBytesMax = 512;

// 1..kPathBytesMax bytes, no empty segment.
bool is_valid_path(std::string_view path);

// False if the document has nothing there. Allocates nothing.
bool find_path(const Value& root, std::string_view path, Value& out);

}  // namespace stator::document
