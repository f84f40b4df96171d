#include "work/sweep.h"

#include <string>
#include <unordered_set>

#include "index/expiry.h"
#include "index/hit_reader.h"
#include "index/index_key.h"
#include "ops/write_document.h"
#include "scan/range_query.h"
#include "storage.h"

namespace stator::document {
namespace {

// What applies the records is not in the slice: some 10 us a document.
constexpr std::size_t kSweptMax = 64;

// Numbers alone, the smallest first.
KeyRange times_of(const IndexDefinition& ttl) {
  Value number;
  number.tag = Tag::kInteger;
  const TypeBytes type = type_bytes(number);
  return {index_prefix(ttl) + type.begin, index_prefix(ttl) + type.end};
}

class Sweeper {
 public:
  Sweeper(const DocumentEngine& engine, const Work& work, Records& records, Reply& reply)
      : engine_(engine), work_(work), writer_(engine, work, records, reply) {}

  Status along(const IndexDefinition& ttl) {
    const KeyRange range = times_of(ttl);
    const Kv kv = work_.kv();
    HitReader hits(kv, kv.scan(Space::kEntries, {.lower = range.lower, .upper = range.upper}));
    for (IndexHit hit; hits.next(hit);) {
      StoredDocument document;
      if (!load_document(kv, hit.document_id, document)) return STATOR_E_CORRUPTED;
      if (!engine_.is_over(work_, document.root)) {
        if (const auto at = over_at(ttl, document.root)) work_.wake(*at);
        return STATOR_OK;
      }
      // It may stand in another index of this kind, too.
      if (!swept_.emplace(hit.document_id).second) continue;
      writer_.erase({hits.vshard(), hit.document_id, &document.root, nullptr});
      if (swept_.size() < kSweptMax && !work_.interrupted()) continue;
      work_.wake();
      return STATOR_OK;
    }
    return hits.is_damaged() ? STATOR_E_CORRUPTED : STATOR_OK;
  }
  bool has_removed() const { return !swept_.empty(); }

 private:
  const DocumentEngine& engine_;
  const Work& work_;
  DocumentWriter writer_;
  std::unordered_set<std::string> swept_;
};

}  // namespace

Status sweep(const DocumentEngine& engine, const Work& work, Records& records, Reply& reply,
             bool& has_removed) {
  Sweeper sweeper(engine, work, records, reply);
  std::size_t walked = 0;
  for (const IndexDefinition& index : engine.indexes().of(work.tenant(), work.collection())) {
    if (!index.is_ttl() || !index.is_kept()) continue;
    // An older version made more. Nobody sees what is over in any of them.
    if (++walked > kTtlIndexesPerCollectionMax) break;
    if (const Status status = sweeper.along(index); status != STATOR_OK) return status;
  }
  has_removed = sweeper.has_removed();
  return STATOR_OK;
}

}  // namespace stator::document
