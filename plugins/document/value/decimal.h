// Numbers as the decimals that their JSON texts denote.
//
// Integers, doubles and longer texts are compared by this one meaning, exactly: 2^53 + 1 lies
// above 2^53, 0.1 is one tenth. A double means its shortest text (as json::Writer prints it), which
// is the text that the client sent or one equal to it; neighbouring doubles keep their order.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "value/value.h"

namespace stator::document {

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

// The decimal of a stored number. `room` holds its text where the store does not.
using NumberRoom = std::array<char, 48>;
Decimal decimal_of(const Value& number, NumberRoom& room);

// Negative, 0 or positive, as a is below, equal to or above b.
int compare_decimals(const Decimal& a, const Decimal& b);
int compare_numbers(const Value& a, const Value& b);

}  // namespace stator::document
