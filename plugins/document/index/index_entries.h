// Keeps index entries in step with documents. Runs in apply only, so an entry and its document are
// written by one record.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

#include "index/index_key.h"

namespace stator::document {

// The entries of one document in all of these indexes, in the order of their keys.
std::vector<IndexEntry> entries_of(std::span<const IndexDefinition> indexes,
                                   std::string_view document_id, const Value& root);

// Erases the entries of `before` that `after` lacks and writes those that it has anew. Both in the
// order of their keys.
struct EntryChange {
  std::string_view document_id;
  std::uint32_t vshard;
  std::span<const IndexEntry> before;
  std::span<const IndexEntry> after;
};
void change_entries(KvWriter& kv, const EntryChange& change);

// Writes the entries of the index for all documents of the record's collection.
void backfill_index(KvWriter& kv, const IndexDefinition& index);
// Removes all entries of the index and, of a unique one, what is claimed in it on this lane.
void erase_index(KvWriter& kv, const IndexDefinition& index);

}  // namespace stator::document
