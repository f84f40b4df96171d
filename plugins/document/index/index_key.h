// Keys of index entries: bytewise order = the order of values (stator/packed/order.hpp), then
// document id.
//
//   key   = path size u8, path, value, document id      at most STATOR_KV_KEY_BYTES_MAX bytes
//   value = 10 null | 20 false | 21 true
//           30 number: sign (00 below zero, 01 zero, 02 above). Then, but for zero: exponent + 2^31
//              as u32 big-endian, decimal digits in pairs (pair + 1), 00. Below zero all of these
//              bytes are inverted. Exponent and digits as in stator/packed/decimal.hpp.
//           40 string: its bytes (00 is written 00 FF), 00 01
//           50 array | 60 object
//   entry = cut u8, size of the key before the document id u8
//
// A value that does not fit the room (index_value_room) is cut: a string ends in 00 02, a number
// in 01 (inverted: FE) instead. Arrays and objects are always cut, to nothing. Cut values order
// correctly against all others, but not among those with the same bytes: such a group is put in
// order by the documents' values (scan/index_walk). The cut depends on the path and the value
// alone, so a group is one stretch of keys. The codings are prefix-free, so ids never mix with
// values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "packed_json.h"

namespace stator::document {

inline constexpr std::size_t kDocumentIdBytesMax = 256;
// What is left of a key for the value is then at least 39 bytes.
inline constexpr std::size_t kIndexPathBytesMax = 64;

struct IndexValue {
  std::string bytes;
  bool is_cut = false;
};

// Most bytes of a value in the keys of the index on `path`.
std::size_t index_value_room(std::string_view path);
IndexValue encode_index_value(const Value& value, std::size_t room);

// What all keys of the index on `path` begin with.
std::string index_prefix(std::string_view path);

// The least byte string above all that begin with `prefix`; empty if there is none.
std::string successor(std::string prefix);

struct IndexEntry {
  std::string key;
  bool is_cut = false;
};
IndexEntry make_index_entry(std::string_view path, const Value& value,
                            std::string_view document_id);
// The two bytes stored with the entry's key.
std::string index_entry_value(std::string_view document_id, const IndexEntry& entry);

// An entry as read back; borrows from key and value.
struct IndexHit {
  std::string_view group;  // the key up to the document id
  std::string_view document_id;
  bool is_cut = false;
};
// False for bytes that no index entry has.
bool read_index_entry(std::string_view key, std::string_view value, IndexHit& out);

// First bytes of the values of one class: [begin, end).
struct TypeBytes {
  char begin;
  char end;
};
TypeBytes type_bytes(const Value& value);

}  // namespace stator::document
