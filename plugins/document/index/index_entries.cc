#include "index/index_entries.h"

#include <algorithm>
#include <vector>

#include "packed_json.h"
#include "storage.h"

namespace stator::document {
namespace {

bool contains_key(std::span<const IndexEntry> entries, std::string_view key) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const IndexEntry& entry) { return entry.key == key; });
}

struct FoundDocument {
  std::string document_id;
  std::uint32_t vshard;
  std::vector<IndexEntry> entries;
};

// Most cursors that a backfill opens; a call may have 16 and they live as long as the call.
constexpr std::size_t kBackfillCursors = 12;
constexpr std::size_t kBackfillBatchMin = 4096;

}  // namespace

std::vector<IndexEntry> entries_of(std::span<const std::string> paths, std::string_view document_id,
                                   const Value& root) {
  std::vector<IndexEntry> entries;
  for (const std::string& path : paths) {
    Value value;
    if (find_path(root, path, value)) entries.push_back(make_index_entry(path, value, document_id));
  }
  return entries;
}

void change_entries(KvWriter& kv, const EntryChange& change) {
  for (const IndexEntry& entry : change.before) {
    if (!contains_key(change.after, entry.key)) kv.erase(Space::kEntries, entry.key);
  }
  for (const IndexEntry& entry : change.after) {
    if (contains_key(change.before, entry.key)) continue;
    kv.put(Space::kEntries, change.vshard, entry.key, index_entry_value(change.document_id, entry));
  }
}

// A cursor ends with the first write, so documents are read in batches, each by a cursor of its own
// that starts behind the last document. The batch size follows from the number of documents, so
// that the cursors suffice.
void backfill_index(KvWriter& kv, const std::string& path) {
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
      auto entries = entries_of({&path, 1}, cursor.key(), root);
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

}  // namespace stator::document
