// Packed JSON: a JSON value in a compact binary form of our own, format version 1. It is on disk
// (the engine that keeps it says where, with a version of its own) and never changes its meaning.
//
//   value    = tag u8, content:                                      all integers little-endian
//     0 null, 1 false, 2 true   nothing
//     3 integer                 zigzag varint; every integer that fits int64
//     4 unsigned                varint; integers above int64 that fit uint64
//     5 double                  8 bytes IEEE 754; also -0
//     6 decimal                 varint size, text (RFC 8259): a number that none of 3..5 equals
//     7 string                  varint size, UTF-8 without escapes
//     8 array                   u32 size of the rest, then the elements
//     9 object                  u32 size of the rest, then members: varint size, key, value
//
// Every variable part says its size first, so a field is found by stepping over its siblings. Keys
// keep their order and are unique. Varints are LEB128; zigzag is (n << 1) ^ (n >> 63).
// Reads never leave the bytes they were given: a size that points beyond them is cut.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace stator::packed {

enum class Tag : std::uint8_t {
  kNull = 0,
  kFalse = 1,
  kTrue = 2,
  kInteger = 3,
  kUnsigned = 4,
  kDouble = 5,
  kDecimal = 6,
  kString = 7,
  kArray = 8,
  kObject = 9
};

// One value, decoded but for what is inside a container. Borrows the bytes it was read from.
struct Value {
  Tag tag = Tag::kNull;
  std::uint64_t bits = 0;    // integer, unsigned, double
  std::string_view content;  // decimal, string, array, object
  std::string_view bytes;    // the whole stored form of this value

  std::int64_t integer() const { return static_cast<std::int64_t>(bits); }
  double floating() const;
  bool is_number() const { return tag >= Tag::kInteger && tag <= Tag::kDecimal; }
  bool is_container() const { return tag == Tag::kArray || tag == Tag::kObject; }
};

// The value at the beginning of `bytes`; bytes behind it are ignored.
Value read_value(std::string_view bytes);

// Walks the elements of an array.
class Elements {
 public:
  explicit Elements(const Value& array) : rest_(array.content) {}
  bool next(Value& element);

 private:
  std::string_view rest_;
};

// Walks the members of an object in their order.
class Members {
 public:
  explicit Members(const Value& object) : rest_(object.content) {}
  bool next(std::string_view& key, Value& value);
  // Goes to the member of that name; false if there is none behind the current one.
  bool find(std::string_view key, Value& value);

 private:
  std::string_view rest_;
};

// Building blocks of the form, for the encoder.
void append_varint(std::string& to, std::uint64_t number);
void append_sized(std::string& to, std::string_view text);

namespace detail {

// Takes the first `size` bytes of `rest`, or what there is.
inline std::string_view take(std::string_view& rest, std::uint64_t size) {
  const auto cut = static_cast<std::size_t>(std::min<std::uint64_t>(size, rest.size()));
  const std::string_view taken = rest.substr(0, cut);
  rest.remove_prefix(cut);
  return taken;
}

template <class T>
inline T take_little(std::string_view& rest) {
  T number{};
  const std::string_view raw = take(rest, sizeof number);
  if (!raw.empty()) std::memcpy(&number, raw.data(), raw.size());
  return number;
}

inline std::uint64_t take_varint(std::string_view& rest) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest.front());
    rest.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  return number;
}

inline std::uint64_t unzigzag(std::uint64_t coded) { return (coded >> 1) ^ (~(coded & 1) + 1); }

}  // namespace detail

static_assert(std::endian::native == std::endian::little, "the stored form is little-endian");

inline double Value::floating() const { return std::bit_cast<double>(bits); }

inline Value read_value(std::string_view bytes) {
  Value value;
  std::string_view rest = bytes;
  value.tag = static_cast<Tag>(detail::take_little<std::uint8_t>(rest));
  switch (value.tag) {
    case Tag::kNull:
    case Tag::kFalse:
    case Tag::kTrue:
      break;
    case Tag::kInteger:
      value.bits = detail::unzigzag(detail::take_varint(rest));
      break;
    case Tag::kUnsigned:
      value.bits = detail::take_varint(rest);
      break;
    case Tag::kDouble:
      value.bits = detail::take_little<std::uint64_t>(rest);
      break;
    case Tag::kDecimal:
    case Tag::kString:
      value.content = detail::take(rest, detail::take_varint(rest));
      break;
    case Tag::kArray:
    case Tag::kObject:
      value.content = detail::take(rest, detail::take_little<std::uint32_t>(rest));
      break;
  }
  value.bytes = bytes.substr(0, bytes.size() - rest.size());
  return value;
}

inline bool Elements::next(Value& element) {
  if (rest_.empty()) return false;
  element = read_value(rest_);
  rest_.remove_prefix(element.bytes.size());
  return true;
}

inline bool Members::next(std::string_view& key, Value& value) {
  if (rest_.empty()) return false;
  key = detail::take(rest_, detail::take_varint(rest_));
  value = read_value(rest_);
  rest_.remove_prefix(value.bytes.size());
  return true;
}

inline bool Members::find(std::string_view key, Value& value) {
  std::string_view name;
  while (next(name, value)) {
    if (name == key) return true;
  }
  return false;
}

inline void append_varint(std::string& to, std::uint64_t number) {
  while (number >= 0x80) {
    to.push_back(static_cast<char>((number & 0x7F) | 0x80));
    number >>= 7;
  }
  to.push_back(static_cast<char>(number));
}

inline void append_sized(std::string& to, std::string_view text) {
  append_varint(to, text.size());
  to.append(text);
}

}  // namespace stator::packed
