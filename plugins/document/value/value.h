// The stored form of a JSON value: a compact binary form of our own, format version 1.
//
//   document = version u8 (1), lsn u64 of its last write, value      all integers little-endian
//   value    = tag u8, content:
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

#include <cstdint>
#include <string>
#include <string_view>

namespace stator::document {

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

// A document as it lies in the store.
struct StoredDocument {
  std::uint64_t lsn = 0;
  Value root;
};

// Makes `stored` the stored bytes of a document whose value is `value_bytes`.
void seal_document(std::uint64_t lsn, std::string_view value_bytes, std::string& stored);
// Reads them. Throws std::runtime_error for a format version that this engine does not know.
StoredDocument open_document(std::string_view stored);

}  // namespace stator::document
