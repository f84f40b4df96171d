// The types of JSON Schema, as bits.
#pragma once

#include <cstdint>
#include <string_view>

#include "packed_json.h"

namespace stator::document {

struct SchemaType {
  static constexpr std::uint8_t kNull = 1;
  static constexpr std::uint8_t kBoolean = 2;
  static constexpr std::uint8_t kNumber = 4;
  static constexpr std::uint8_t kInteger = 8;
  static constexpr std::uint8_t kString = 16;
  static constexpr std::uint8_t kArray = 32;
  static constexpr std::uint8_t kObject = 64;
};

// Those that the value is of: an integer is a number too.
std::uint8_t schema_types_of(const Value& value);
// 0 for no name of a type.
std::uint8_t schema_type_named(std::string_view name);

}  // namespace stator::document
