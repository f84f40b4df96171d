// Where the engine keeps what, and its log records.
//
//   space      key                 value                             vShard
//   documents  document id         version u8 (2), lsn varint of its of the document
//                                  last write, value (packed JSON);
//                                  version 1: lsn u64; read, no longer
//                                  written
//   entries    index/index_key.h   index/index_key.h                 of the document
//   indexes    name                index/definition.h                every
//   schemas    01                  the schema's text                 every
//   claims     index/unique_key.h  document id                       of the key
//
//   record        payload
//   put           document id, value       (id: u16 size little-endian, bytes; value: the rest)
//   delete        document id              (the bytes)
//   index_create  path                     (the bytes; read, no longer written)
//   index_define  index/definition.h
//   index_drop    name                     (the bytes)
//   schema_set    the schema's text        (the bytes; none: no schema)
//   index_state   work/index_work.h
//   index_build   work/build_range.h
//   index_erase   name                     (the bytes): the next entries of an index that is
//   dropped take, free    key, document id         (key: u16 size little-endian, bytes; id: the
//   rest)
//
// The kernel keeps keys of different tenants and collections apart, so they need no prefix here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

#include "packed_json.h"

namespace stator::document {

// Numbers on disk: never change or reuse one.
struct Space {
  static constexpr std::uint8_t kDocuments = 1;
  static constexpr std::uint8_t kEntries = 2;
  static constexpr std::uint8_t kIndexes = 3;
  static constexpr std::uint8_t kSchemas = 4;
  static constexpr std::uint8_t kClaims = 5;
};
struct RecordType {
  static constexpr std::uint32_t kPut = 1;
  static constexpr std::uint32_t kDelete = 2;
  static constexpr std::uint32_t kIndexCreate = 3;
  static constexpr std::uint32_t kIndexDefine = 4;
  static constexpr std::uint32_t kIndexDrop = 5;
  static constexpr std::uint32_t kSchemaSet = 6;
  static constexpr std::uint32_t kIndexState = 7;
  static constexpr std::uint32_t kTake = STATOR_RECORD_UNTOLD + 1;
  static constexpr std::uint32_t kFree = STATOR_RECORD_UNTOLD + 2;
  static constexpr std::uint32_t kIndexBuild = STATOR_RECORD_UNTOLD + 3;
  static constexpr std::uint32_t kIndexErase = STATOR_RECORD_UNTOLD + 4;
};

struct PutRecord {
  std::string_view document_id;
  std::string_view value_bytes;
};
// Makes `payload` a put record up to the value, which is encoded straight behind it.
void begin_put_record(std::string_view document_id, std::string& payload);
PutRecord read_put_record(std::string_view payload);

// A document as it lies in the store.
struct StoredDocument {
  std::uint64_t lsn = 0;
  Value root;
};

// Makes `stored` the stored bytes of a document whose value is `value_bytes`.
void seal_document(std::uint64_t lsn, std::string_view value_bytes, std::string& stored);
// Reads them. Throws std::runtime_error for a format version that this engine does not know.
StoredDocument open_document(std::string_view stored);

// " (document 'u17')", for sentences of requests about many; a long id is cut. Nothing of no id.
std::string naming(std::string_view document_id);

// False if there is no such document. Borrows stored bytes: they last until the call returns.
// Allocates nothing.
bool load_document(const Kv& kv, std::string_view document_id, StoredDocument& out);
// For whoever asks: false also for a document that is over, or that row policies hide.
class DocumentEngine;
bool load_visible(const DocumentEngine& engine, const Request& request,
                  std::string_view document_id, StoredDocument& out);
// Before a document that is there is replaced, changed or removed: rejected_authz where row
// policies hide it, or do not let it be written.
Status check_replaced(const Request& request, const StoredDocument& document);

}  // namespace stator::document
