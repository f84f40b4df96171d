#include "scan/range_walk.h"

#include <string>

#include "index/hit_reader.h"
#include "index/index_key.h"
#include "packed_json.h"
#include "storage.h"

namespace stator::document {
namespace {

// Entries come in the order of values but for stretches of cut values (index/index_key.h), which
// are gathered, put in order by the documents' values and handed on at their end.
class IndexWalk {
 public:
  IndexWalk(const RangeQuery& query, std::vector<FoundRow>& rows)
      : query_(query), rows_(rows), group_(query.limit, query.order) {}

  bool is_full() const { return rows_.size() >= query_.limit; }
  // Ends the stretch if `hit` does not belong to it.
  void enter(const IndexHit& hit) {
    if (hit.group != group_key_) finish();
    if (hit.is_cut) group_key_ = hit.group;
  }
  void add(const IndexHit& hit, const Value& value, const Value& root) {
    if (!hit.is_cut) {
      rows_.push_back({std::string(hit.document_id), value, root});
    } else if (group_.wants(value, hit.document_id)) {
      group_.add({std::string(hit.document_id), value, root});
    }
  }
  void finish() {
    group_.move_to(rows_);
    group_ = TopRows(query_.limit - rows_.size(), query_.order);
    group_key_.clear();
  }

 private:
  const RangeQuery& query_;
  std::vector<FoundRow>& rows_;
  TopRows group_;
  std::string group_key_;
};

}  // namespace

Status walk_index(const Request& request, const RangeQuery& query, const IndexStretch& stretch,
                  std::vector<FoundRow>& rows) {
  const Kv kv = request.kv();
  const KeyRange range = query.behind_position(stretch.index, stretch.keys);
  // A range turned inside out holds nothing.
  if (range.lower >= range.upper) return STATOR_OK;
  HitReader hits(kv,
                 kv.scan(Space::kEntries, {.lower = range.lower,
                                           .upper = range.upper,
                                           .reverse = query.order == RowOrder::kDescending}),
                 query.limit);
  const Rows shown = request.rows();
  IndexWalk walk(query, rows);
  for (IndexHit hit; !walk.is_full() && hits.next(hit);) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    walk.enter(hit);
    if (walk.is_full()) break;
    StoredDocument document;
    Value value;
    if (!load_document(kv, hit.document_id, document) ||
        !find_path(document.root, query.field, value)) {
      return STATOR_E_CORRUPTED;
    }
    if (!shown.is_visible(document.root.bytes)) continue;
    if (query.selects(value, hit.document_id, document.root)) walk.add(hit, value, document.root);
  }
  if (hits.is_damaged()) return STATOR_E_CORRUPTED;
  walk.finish();
  return STATOR_OK;
}

Status walk_documents(const Request& request, const RangeQuery& query,
                      std::vector<FoundRow>& rows) {
  const Kv kv = request.kv();
  const Rows shown = request.rows();
  TopRows top(query.limit, query.order);
  for (Cursor cursor = kv.scan(Space::kDocuments); cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    Value value;
    const Value root = open_document(cursor.value()).root;
    if (!shown.is_visible(root.bytes)) continue;
    if (!find_path(root, query.field, value)) continue;
    if (!query.selects(value, cursor.key(), root) || !top.wants(value, cursor.key())) continue;
    // The cursor's bytes go when it moves; those of a get last until the call returns.
    StoredDocument document;
    if (!load_document(kv, cursor.key(), document) ||
        !find_path(document.root, query.field, value)) {
      return STATOR_E_CORRUPTED;
    }
    top.add({std::string(cursor.key()), value, document.root});
  }
  top.move_to(rows);
  return STATOR_OK;
}

}  // namespace stator::document
