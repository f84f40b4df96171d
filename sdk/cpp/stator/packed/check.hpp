// Stored form that comes from somebody else: a cursor that a client gives back may be anything.
// Reading never leaves the bytes whatever they are; comparing and indexing rely on what encode()
// promises of the values in them.
#pragma once

#include <cmath>
#include <string_view>

#include "stator/json_reader.hpp"
#include "stator/packed/decimal.hpp"
#include "stator/packed/value.hpp"

namespace stator::packed {

// Takes the value at the beginning of `rest`. False for one that must not be compared: of an
// unknown tag, with a number that JSON has not, nested deeper than json::kDepthMax. `out` borrows
// from `rest`.
inline bool take_checked(std::string_view& rest, Value& out);

namespace detail {

inline bool is_json_number(std::string_view text) {
  json::Reader reader(text);
  std::string_view token;
  Decimal number;
  return reader.peek() == json::Kind::kNumber && reader.number(token) && reader.at_end() &&
         token == text && parse_decimal(text, number);
}

inline bool take_checked(std::string_view& rest, int depth, Value& out);

inline bool has_good_elements(std::string_view rest, int depth) {
  for (Value element; !rest.empty();) {
    if (!take_checked(rest, depth, element)) return false;
  }
  return true;
}

inline bool has_good_members(std::string_view rest, int depth) {
  for (Value value; !rest.empty();) {
    take(rest, take_varint(rest));  // the key
    if (!take_checked(rest, depth, value)) return false;
  }
  return true;
}

inline bool take_checked(std::string_view& rest, int depth, Value& out) {
  if (rest.empty() || static_cast<Tag>(rest.front()) > Tag::kObject) return false;
  out = read_value(rest);
  rest.remove_prefix(out.bytes.size());
  constexpr std::size_t kDoubleBytes = 1 + sizeof(double);
  switch (out.tag) {
    case Tag::kDouble:
      return out.bytes.size() == kDoubleBytes && std::isfinite(out.floating());
    case Tag::kDecimal:
      return is_json_number(out.content);
    case Tag::kArray:
      return depth < json::kDepthMax && has_good_elements(out.content, depth + 1);
    case Tag::kObject:
      return depth < json::kDepthMax && has_good_members(out.content, depth + 1);
    default:
      return true;
  }
}

}  // namespace detail

inline bool take_checked(std::string_view& rest, Value& out) {
  return detail::take_checked(rest, 0, out);
}

}  // namespace stator::packed
