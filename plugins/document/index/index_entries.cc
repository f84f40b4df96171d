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

// Most cursors that a backfill opens; a call may have 16 and they live as long as the call.
constexpr std::size_t kBackfillCursors = 12;
constexpr std::size_t kBackfillBatchMin = 4096;

void erase_keys(KvWriter& kv, std::uint8_t space, const std::string& prefix) {
  const std::string end = successor(prefix);
  // As in a backfill, a cursor ends with the first erasure: the keys are gathered before.
  std::vector<std::string> keys;
  for (Cursor cursor = kv.scan(space, {.lower = prefix, .upper = end}); cursor.next();) {
    keys.emplace_back(cursor.key());
  }
  for (const std::string& key : keys) kv.erase(space, key);
}

}  // namespace

std::vector<IndexEntry> entries_of(std::span<const IndexDefinition> indexes,
                                   std::string_view document_id, const Value& root) {
  std::vector<IndexEntry> entries;
  for (const IndexDefinition& index : indexes) {
    add_index_entries(index, root, document_id, entries);
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

// A cursor ends with the first write, so documents are read in batches, each by a cursor of its own
// that starts behind the last document. The batch size follows from the number of documents, so
// that the cursors suffice.
void backfill_index(KvWriter& kv, const IndexDefinition& index) {
  std::size_t documents = 0;
  for (Cursor cursor = kv.scan(Space::kDocuments); cursor.next();) ++documents;
  const std::size_t batch_max =
      std::max(kBackfillBatchMin, (documents + kBackfillCursors - 1) / kBackfillCursors);

  std::string lower;
  for (std::size_t done = 0; done < documents;) {
    std::vector<FoundDocument> batch;
    std::size_t passed = 0;
    Cursor cursor = kv.scan(Space::kDocuments, {.lower = lower});
    while (passed < batch_max && cursor.next()) {
      ++passed;
      lower.assign(cursor.key()).push_back('\0');
      const Value root = open_document(cursor.value()).root;
      auto entries = entries_of({&index, 1}, cursor.key(), root);
      if (entries.empty()) continue;
      batch.push_back({std::string(cursor.key()), cursor.vshard(), std::move(entries)});
    }
    if (passed == 0) break;
    done += passed;
    for (const FoundDocument& found : batch) {
      change_entries(kv, {found.document_id, found.vshard, {}, found.entries});
    }
  }
}

void erase_index(KvWriter& kv, const IndexDefinition& index) {
  erase_keys(kv, Space::kEntries, index_prefix(index));
  if (index.is_unique()) erase_keys(kv, Space::kClaims, index_prefix(index));
}

}  // namespace stator::document
