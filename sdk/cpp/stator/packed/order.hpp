// The order of values, for range scans and indexes:
//   null < false < true < numbers < strings < arrays < objects
// Numbers by the decimal they denote (stator/packed/decimal.hpp), strings by bytes, arrays element
// by element, objects member by member in their stored order (key bytes, then value); where one is
// a beginning of the other, the shorter is smaller. -0 equals 0.
#pragma once

#include "stator/packed/decimal.hpp"
#include "stator/packed/value.hpp"

namespace stator::packed {

// Bounds select within one class.
enum class TypeClass : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

TypeClass type_class(const Value& value);

// Negative, 0 or positive, as a is below, equal to or above b.
int compare_values(const Value& a, const Value& b);

namespace detail {

inline int compare_arrays(const Value& a, const Value& b) {
  Elements left(a);
  Elements right(b);
  Value l;
  Value r;
  while (true) {
    const bool has_left = left.next(l);
    const bool has_right = right.next(r);
    if (!has_left || !has_right) return static_cast<int>(has_left) - static_cast<int>(has_right);
    if (const int order = compare_values(l, r); order != 0) return order;
  }
}

inline int compare_objects(const Value& a, const Value& b) {
  Members left(a);
  Members right(b);
  std::string_view left_key;
  std::string_view right_key;
  Value l;
  Value r;
  while (true) {
    const bool has_left = left.next(left_key, l);
    const bool has_right = right.next(right_key, r);
    if (!has_left || !has_right) return static_cast<int>(has_left) - static_cast<int>(has_right);
    if (const int order = left_key.compare(right_key); order != 0) return order;
    if (const int order = compare_values(l, r); order != 0) return order;
  }
}

}  // namespace detail

inline TypeClass type_class(const Value& value) {
  switch (value.tag) {
    case Tag::kNull:
      return TypeClass::kNull;
    case Tag::kFalse:
    case Tag::kTrue:
      return TypeClass::kBool;
    case Tag::kString:
      return TypeClass::kString;
    case Tag::kArray:
      return TypeClass::kArray;
    case Tag::kObject:
      return TypeClass::kObject;
    default:
      return TypeClass::kNumber;
  }
}

inline int compare_values(const Value& a, const Value& b) {
  const TypeClass type = type_class(a);
  if (type != type_class(b)) return type < type_class(b) ? -1 : 1;
  switch (type) {
    case TypeClass::kNull:
      return 0;
    case TypeClass::kBool:
      return static_cast<int>(a.tag) - static_cast<int>(b.tag);
    case TypeClass::kNumber:
      return compare_numbers(a, b);
    case TypeClass::kString:
      return a.content.compare(b.content);
    case TypeClass::kArray:
      return detail::compare_arrays(a, b);
    case TypeClass::kObject:
      return detail::compare_objects(a, b);
  }
  return 0;
}

}  // namespace stator::packed
