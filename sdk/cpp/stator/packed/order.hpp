// The order of values, for range scans and indexes:
//   null < false < true < numbers < strings < arrays < objects
// Numbers by the decimal they denote (packed/decimal.hpp), strings by bytes, arrays element by
// element, objects member by member in the order of their keys (key bytes, then value), however
// they are stored; where one is a beginning of the other, the shorter is smaller. -0 equals 0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

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

using Member = std::pair<std::string_view, Value>;

inline std::vector<Member> sorted_members(const Value& object) {
  std::vector<Member> out;
  Members members(object);
  std::string_view key;
  for (Value value; members.next(key, value);) out.emplace_back(key, value);
  std::sort(out.begin(), out.end(),
            [](const Member& a, const Member& b) { return a.first < b.first; });
  return out;
}

inline int compare_objects(const Value& a, const Value& b) {
  const std::vector<Member> left = sorted_members(a);
  const std::vector<Member> right = sorted_members(b);
  for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
    if (const int order = left[i].first.compare(right[i].first); order != 0) return order;
    if (const int order = compare_values(left[i].second, right[i].second); order != 0) return order;
  }
  return left.size() == right.size() ? 0 : (left.size() < right.size() ? -1 : 1);
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
