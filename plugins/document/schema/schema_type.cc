#include "schema/schema_type.h"

#include <algorithm>
#include <utility>

namespace stator::document {
namespace {

bool is_whole(const Value& number) {
  if (number.tag == Tag::kInteger || number.tag == Tag::kUnsigned) return true;
  NumberRoom room{};
  const Decimal decimal = decimal_of(number, room);
  const auto digits = static_cast<std::int64_t>(decimal.digits.size()) -
                      std::count(decimal.digits.begin(), decimal.digits.end(), '.');
  return decimal.zero || decimal.exponent >= digits;
}

}  // namespace

std::uint8_t schema_types_of(const Value& value) {
  switch (type_class(value)) {
    case TypeClass::kNull:
      return SchemaType::kNull;
    case TypeClass::kBool:
      return SchemaType::kBoolean;
    case TypeClass::kNumber:
      return is_whole(value) ? SchemaType::kNumber | SchemaType::kInteger : SchemaType::kNumber;
    case TypeClass::kString:
      return SchemaType::kString;
    case TypeClass::kArray:
      return SchemaType::kArray;
    case TypeClass::kObject:
      return SchemaType::kObject;
  }
  return 0;
}

std::uint8_t schema_type_named(std::string_view name) {
  static constexpr std::pair<std::string_view, std::uint8_t> kNames[] = {
      {"null", SchemaType::kNull},     {"boolean", SchemaType::kBoolean},
      {"number", SchemaType::kNumber}, {"integer", SchemaType::kInteger},
      {"string", SchemaType::kString}, {"array", SchemaType::kArray},
      {"object", SchemaType::kObject},
  };
  for (const auto& [known, bit] : kNames) {
    if (known == name) return bit;
  }
  return 0;
}

}  // namespace stator::document
