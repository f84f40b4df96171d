// Numbers as the decimals that their JSON texts denote.
//
// Integers, doubles and longer texts are compared by this one meaning, exactly: 2^53 + 1 lies
// above 2^53, 0.1 is one tenth. A double means its shortest text (as json::Writer prints it), which
// is the text that the client sent or one equal to it; neighbouring doubles keep their order.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "stator/packed/value.hpp"

namespace stator::packed {

// Largest written exponent that a document may have, either sign.
inline constexpr std::int64_t kExponentMax = 999'999'999;

// (negative ? -1 : 1) * 0.d1 d2 d3 ... * 10^exponent with d1 and the last digit not 0.
struct Decimal {
  bool zero = false;
  bool negative = false;  // false for zero
  std::int64_t exponent = 0;
  std::string_view digits;  // d1 ... last; a '.' in it has no meaning
};

// Walks the digits of a Decimal.
class Digits {
 public:
  explicit Digits(const Decimal& number) : rest_(number.digits) {}
  // 0..9, or -1 at the end.
  int next() {
    if (!rest_.empty() && rest_.front() == '.') rest_.remove_prefix(1);
    if (rest_.empty()) return -1;
    const int digit = rest_.front() - '0';
    rest_.remove_prefix(1);
    return digit;
  }

 private:
  std::string_view rest_;
};

// `text` obeys the grammar of RFC 8259. False if the exponent exceeds kExponentMax.
bool parse_decimal(std::string_view text, Decimal& out);

// The decimal of a stored number. `room` holds its text where the store does not; begin with a zeroed
// one: g++ 12 at -O3 does not see that to_chars writes it.
using NumberRoom = std::array<char, 48>;
Decimal decimal_of(const Value& number, NumberRoom& room);

// Negative, 0 or positive, as a is below, equal to or above b.
int compare_decimals(const Decimal& a, const Decimal& b);
int compare_numbers(const Value& a, const Value& b);

namespace detail {

constexpr bool is_exact(std::int64_t number) {
  constexpr std::int64_t kExactMax = std::int64_t{1} << 53;
  return number >= -kExactMax && number <= kExactMax;
}

template <class T>
inline int three_way(T a, T b) {
  return a < b ? -1 : (a > b ? 1 : 0);
}

inline bool parse_exponent(std::string_view text, std::int64_t& out) {
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  std::int64_t magnitude = 0;
  for (const char digit : text) {
    magnitude = magnitude * 10 + (digit - '0');
    if (magnitude > kExponentMax) return false;
  }
  out = negative ? -magnitude : magnitude;
  return true;
}

template <class T>
inline Decimal decimal_from(T number, NumberRoom& room) {
  const auto end = std::to_chars(room.data(), room.data() + room.size(), number).ptr;
  Decimal out;
  parse_decimal({room.data(), static_cast<std::size_t>(end - room.data())}, out);
  return out;
}

inline int compare_digits(const Decimal& a, const Decimal& b) {
  Digits left(a);
  Digits right(b);
  while (true) {
    // No digit ends in 0, so the one that ends first is the smaller one.
    const int l = left.next();
    const int r = right.next();
    if (l != r) return l < r ? -1 : 1;
    if (l < 0) return 0;
  }
}

inline int sign_of(const Decimal& number) { return number.zero ? 0 : (number.negative ? -1 : 1); }

}  // namespace detail

inline bool parse_decimal(std::string_view text, Decimal& out) {
  out = Decimal();
  const bool minus = text.front() == '-';
  if (minus) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const std::size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos) {
    if (!detail::parse_exponent(text.substr(e + 1), exponent)) return false;
    text = text.substr(0, e);
  }
  const std::size_t first = text.find_first_not_of("0.");
  if (first == std::string_view::npos) {
    out.zero = true;
    return true;
  }
  const std::size_t dot = text.find('.');
  const auto point = static_cast<std::int64_t>(dot == std::string_view::npos ? text.size() : dot);
  const auto start = static_cast<std::int64_t>(first);
  out.negative = minus;
  out.exponent = exponent + (start < point ? point - start : point + 1 - start);
  out.digits = text.substr(first, text.find_last_not_of("0.") + 1 - first);
  return true;
}

inline Decimal decimal_of(const Value& number, NumberRoom& room) {
  switch (number.tag) {
    case Tag::kInteger:
      return detail::decimal_from(number.integer(), room);
    case Tag::kUnsigned:
      return detail::decimal_from(number.bits, room);
    case Tag::kDouble:
      return detail::decimal_from(number.floating(), room);
    default:
      break;
  }
  Decimal out;
  parse_decimal(number.content, out);
  return out;
}

inline int compare_decimals(const Decimal& a, const Decimal& b) {
  const int sign = detail::sign_of(a);
  if (sign != detail::sign_of(b)) return detail::three_way(sign, detail::sign_of(b));
  if (sign == 0) return 0;
  if (a.exponent != b.exponent) return detail::three_way(a.exponent, b.exponent) * sign;
  return detail::compare_digits(a, b) * sign;
}

inline int compare_numbers(const Value& a, const Value& b) {
  if (a.tag == b.tag && a.tag == Tag::kInteger) return detail::three_way(a.integer(), b.integer());
  if (a.tag == b.tag && a.tag == Tag::kDouble) return detail::three_way(a.floating(), b.floating());
  // An integer up to 2^53 is a double whose shortest text is that integer, and texts of doubles
  // keep the doubles' order.
  if (a.tag == Tag::kInteger && b.tag == Tag::kDouble && detail::is_exact(a.integer())) {
    return detail::three_way(static_cast<double>(a.integer()), b.floating());
  }
  if (a.tag == Tag::kDouble && b.tag == Tag::kInteger && detail::is_exact(b.integer())) {
    return detail::three_way(a.floating(), static_cast<double>(b.integer()));
  }
  NumberRoom left{};
  NumberRoom right{};
  return compare_decimals(decimal_of(a, left), decimal_of(b, right));
}

}  // namespace stator::packed
