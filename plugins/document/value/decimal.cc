#include "value/decimal.h"

#include <charconv>

namespace stator::document {
namespace {

template <class T>
int three_way(T a, T b) {
  return a < b ? -1 : (a > b ? 1 : 0);
}

bool parse_exponent(std::string_view text, std::int64_t& out) {
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
Decimal decimal_from(T number, NumberRoom& room) {
  const auto end = std::to_chars(room.data(), room.data() + room.size(), number).ptr;
  Decimal out;
  parse_decimal({room.data(), static_cast<std::size_t>(end - room.data())}, out);
  return out;
}

int compare_digits(const Decimal& a, const Decimal& b) {
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

int sign_of(const Decimal& number) { return number.zero ? 0 : (number.negative ? -1 : 1); }

}  // namespace

bool parse_decimal(std::string_view text, Decimal& out) {
  out = Decimal();
  const bool minus = text.front() == '-';
  if (minus) text.remove_prefix(1);
  std::int64_t exponent = 0;
  const std::size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos) {
    if (!parse_exponent(text.substr(e + 1), exponent)) return false;
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

Decimal decimal_of(const Value& number, NumberRoom& room) {
  switch (number.tag) {
    case Tag::kInteger:
      return decimal_from(number.integer(), room);
    case Tag::kUnsigned:
      return decimal_from(number.bits, room);
    case Tag::kDouble:
      return decimal_from(number.floating(), room);
    default:
      break;
  }
  Decimal out;
  parse_decimal(number.content, out);
  return out;
}

int compare_decimals(const Decimal& a, const Decimal& b) {
  const int sign = sign_of(a);
  if (sign != sign_of(b)) return three_way(sign, sign_of(b));
  if (sign == 0) return 0;
  if (a.exponent != b.exponent) return three_way(a.exponent, b.exponent) * sign;
  return compare_digits(a, b) * sign;
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.tag == b.tag && a.tag == Tag::kInteger) return three_way(a.integer(), b.integer());
  if (a.tag == b.tag && a.tag == Tag::kDouble) return three_way(a.floating(), b.floating());
  NumberRoom left;
  NumberRoom right;
  return compare_decimals(decimal_of(a, left), decimal_of(b, right));
}

}  // namespace stator::document
