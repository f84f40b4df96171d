// Keeps index entries in step with documents. Runs in apply only, so an entry and its document are
// written by one record.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "stator/engine.hpp"

#include "index/index_key.h"

namespace stator::document {

// The entries of one document in those of these indexes that writes keep, in the order of their
// keys.
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

// Writes the entries of the index for the lane's documents of [from, to); an empty `to` is no
// bound. For ranges that one cursor can walk and memory can hold: work makes them so.
struct DocumentRange {
  std::string_view from;
  std::string_view to;
};
void index_documents(KvWriter& kv, const IndexDefinition& index, const DocumentRange& range);
// Removes at most `limit` entries of the index or, where it has none, of what is claimed in it on
// this lane. False: nothing is left.
bool erase_entries(KvWriter& kv, IndexDefinition& index, std::size_t limit);
bool has_entries(const Kv& kv, const IndexDefinition& index);

}  // namespace stator::document
