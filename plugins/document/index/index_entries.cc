#include "index/index_entries.h"

#include <algorithm>
#include <vector>

#include "storage.h"

namespace stator::document {
namespace {

struct FoundDocument {
  std::string document_id;
  std::uint32_t vshard;
  std::vector<IndexEntry> entries;
};

// The first keys of the index in the space that are not erased yet, at most `limit`.
std::vector<std::string> keys_left(const Kv& kv, std::uint8_t space, const IndexDefinition& index,
                                   std::size_t limit) {
  const std::string prefix = index_prefix(index);
  const std::string end = successor(prefix);
  const std::string& erased_to =
      space == Space::kEntries ? index.erased_entries_to : index.erased_claims_to;
  std::vector<std::string> keys;
  Cursor cursor = kv.scan(space, {.lower = std::max(prefix, erased_to), .upper = end});
  while (keys.size() < limit && cursor.next()) keys.emplace_back(cursor.key());
  return keys;
}

}  // namespace

std::vector<IndexEntry> entries_of(std::span<const IndexDefinition> indexes,
                                   std::string_view document_id, const Value& root) {
  std::vector<IndexEntry> entries;
  for (const IndexDefinition& index : indexes) {
    if (index.is_kept()) add_index_entries(index, root, document_id, entries);
  }
  std::sort(entries.begin(), entries.end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.key < b.key; });
  return entries;
}

void change_entries(KvWriter& kv, const EntryChange& change) {
  const auto put = [&](const IndexEntry& entry) {
    kv.put(Space::kEntries, change.vshard, entry.key, index_entry_value(change.document_id, entry));
  };
  auto before = change.before.begin();
  auto after = change.after.begin();
  while (before != change.before.end() || after != change.after.end()) {
    const bool is_gone =
        after == change.after.end() || (before != change.before.end() && before->key < after->key);
    if (is_gone) {
      kv.erase(Space::kEntries, (before++)->key);
    } else if (before == change.before.end() || after->key < before->key) {
      put(*after++);
    } else {
      ++before;
      ++after;
    }
  }
}

// A cursor ends with the first write, so all is gathered before.
void index_documents(KvWriter& kv, const IndexDefinition& index, const DocumentRange& range) {
  std::vector<FoundDocument> batch;
  Cursor cursor = kv.scan(Space::kDocuments, {.lower = range.from, .upper = range.to});
  while (cursor.next()) {
    const Value root = open_document(cursor.value()).root;
    auto entries = entries_of({&index, 1}, cursor.key(), root);
    if (entries.empty()) continue;
    batch.push_back({std::string(cursor.key()), cursor.vshard(), std::move(entries)});
  }
  for (const FoundDocument& found : batch) {
    change_entries(kv, {found.document_id, found.vshard, {}, found.entries});
  }
}

bool erase_entries(KvWriter& kv, IndexDefinition& index, std::size_t limit) {
  for (const std::uint8_t space : {Space::kEntries, Space::kClaims}) {
    const std::vector<std::string> keys = keys_left(kv, space, index, limit);
    if (keys.empty()) continue;
    for (const std::string& key : keys) kv.erase(space, key);
    (space == Space::kEntries ? index.erased_entries_to : index.erased_claims_to) = keys.back();
    return true;
  }
  return false;
}

bool has_entries(const Kv& kv, const IndexDefinition& index) {
  return !keys_left(kv, Space::kEntries, index, 1).empty() ||
         !keys_left(kv, Space::kClaims, index, 1).empty();
}

}  // namespace stator::document
