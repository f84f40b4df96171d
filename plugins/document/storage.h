// Where the engine keeps what, and its log records.
//
//   space      key                         value                      vShard
//   documents  document id                 document (value/value.h)   of the document
//   entries    index/index_key.h           index/index_key.h          of the document
//   indexes    path                        01                         every
//
//   record        payload
//   put           document id, value       (id: u16 size little-endian, bytes; value: the rest)
//   delete        document id              (the bytes)
//   index_create  path                     (the bytes)
//
// The kernel keeps keys of different tenants and collections apart, so they need no prefix here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

#include "value/value.h"

namespace stator::document {

// Numbers on disk: never change or reuse one.
struct Space {
  static constexpr std::uint8_t kDocuments = 1;
  static constexpr std::uint8_t kEntries = 2;
  static constexpr std::uint8_t kIndexes = 3;
};
struct RecordType {
  static constexpr std::uint32_t kPut = 1;
  static constexpr std::uint32_t kDelete = 2;
  static constexpr std::uint32_t kIndexCreate = 3;
};

struct PutRecord {
  std::string_view document_id;
  std::string_view value_bytes;
};
// Makes `payload` a put record up to the value, which is encoded straight behind it.
void begin_put_record(std::string_view document_id, std::string& payload);
PutRecord read_put_record(std::string_view payload);

// False if there is no such document. Borrows stored bytes: they last until the call returns.
// Allocates nothing.
bool load_document(const Kv& kv, std::string_view document_id, StoredDocument& out);

}  // namespace stator::document
