// Keys of index entries: bytewise order = the order of values (stator/packed/order.hpp), then
// document id.
//
//   key   = name size u8, name, values, document id   at most STATOR_KV_KEY_BYTES_MAX bytes
//   value = 08 missing (never the first of an index's values)
//           09 a string where an array index looks for an array
//           10 null | 20 false | 21 true
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
// order by the documents' values (scan/range_walk). Behind a cut value no further ones stand. The
// cut depends on the index and the value alone, so a group is one stretch of keys. The codings are
// prefix-free, so ids never mix with values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "index/definition.h"
#include "packed_json.h"

namespace stator::document {

inline constexpr std::size_t kDocumentIdBytesMax = 256;
struct IndexValue {
  std::string bytes;
  bool is_cut = false;
};

// Most bytes of one value in the keys of the index.
std::size_t index_value_room(const IndexDefinition& index);
IndexValue encode_index_value(const Value& value, std::size_t room);
// What the codings of all strings that begin with `text` begin with; with the collation's case.
std::string encode_index_prefix(std::string_view text, const IndexDefinition& index);
// As encode_index_value, with the collation's case.
IndexValue encode_for(const IndexDefinition& index, const Value& value);
IndexValue encode_for(const IndexDefinition& index, const Value& value, std::size_t room);
// Least room that a value can be coded in.
inline constexpr std::size_t kIndexValueRoomMin = 16;

// What all keys of the index begin with.
std::string index_prefix(const IndexDefinition& index);

// The least byte string above all that begin with `prefix`; empty if there is none.
std::string successor(std::string prefix);

struct IndexEntry {
  std::string key;
  bool is_cut = false;
};
// What the keys of documents begin with that have a string where an array index expects an array:
// `contains` looks into strings too.
std::string index_text_prefix(const IndexDefinition& index);

// Appends the document's entries: none where it lacks the first path or where `where` does not
// select it; of an array index one for each different element.
void add_index_entries(const IndexDefinition& index, const Value& root,
                       std::string_view document_id, std::vector<IndexEntry>& entries);
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
