#include "aggregate/value_hash.h"

#include <string_view>

namespace stator::document {
namespace {

// FNV-1a.
class Hash {
 public:
  Hash& byte(std::uint8_t byte) {
    value_ = (value_ ^ byte) * 0x100000001b3U;
    return *this;
  }
  Hash& text(std::string_view text) {
    for (const char c : text) byte(static_cast<std::uint8_t>(c));
    return *this;
  }
  Hash& word(std::uint64_t word) {
    for (int shift = 0; shift < 64; shift += 8) byte(static_cast<std::uint8_t>(word >> shift));
    return *this;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325U;
};

void add_number(const Value& value, Hash& hash) {
  NumberRoom room{};
  const Decimal number = decimal_of(value, room);
  if (number.zero) return;
  hash.byte(number.negative ? 1 : 2).word(static_cast<std::uint64_t>(number.exponent));
  Digits digits(number);
  for (int digit = digits.next(); digit >= 0; digit = digits.next()) {
    hash.byte(static_cast<std::uint8_t>(digit));
  }
}

// Of the members in any order: the sum of what each comes to.
std::uint64_t sum_of_members(const Value& object) {
  std::uint64_t sum = 0;
  Members members(object);
  std::string_view key;
  for (Value value; members.next(key, value);) {
    sum += Hash().word(key.size()).text(key).word(hash_of(value)).value();
  }
  return sum;
}

}  // namespace

std::uint64_t hash_of(const Value& value) {
  Hash hash;
  const TypeClass type = type_class(value);
  hash.byte(static_cast<std::uint8_t>(type));
  switch (type) {
    case TypeClass::kNull:
      break;
    case TypeClass::kBool:
      hash.byte(value.tag == Tag::kTrue ? 1 : 0);
      break;
    case TypeClass::kNumber:
      add_number(value, hash);
      break;
    case TypeClass::kString:
      hash.text(value.content);
      break;
    case TypeClass::kArray: {
      Elements elements(value);
      for (Value element; elements.next(element);) hash.word(hash_of(element));
      break;
    }
    case TypeClass::kObject:
      hash.word(sum_of_members(value));
      break;
  }
  return hash.value();
}

}  // namespace stator::document
