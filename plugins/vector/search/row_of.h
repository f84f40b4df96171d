// The row that row policies are asked about: a vector's payload.
#pragma once

#include <string_view>

namespace stator::vector {

// Packed JSON. A vector without payload (empty) is a row without fields.
inline std::string_view row_of(std::string_view payload) {
  constexpr std::string_view kNoFields("\x09\0\0\0\0", 5);  // packed::Tag::kObject, no bytes
  return payload.empty() ? kNoFields : payload;
}

}  // namespace stator::vector
