// Walks the documents that a filter selects, along the plan's access.
#pragma once

#include <cstdint>
#include <string_view>

#include "stator/engine.hpp"

#include "index/hit_reader.h"
#include "scan/planner.h"
#include "scan/selection.h"
#include "storage.h"

namespace stator::document {

struct Candidate {
  std::string_view document_id;
  std::uint64_t lsn;
  Value root;
  std::uint32_t vshard;  // under which it is stored; of an index walk that of the entry: the same
};

// What a walk looked at; what row policies hide does not count.
struct WalkCounts {
  std::uint64_t examined = 0;
  std::uint64_t selected = 0;
};

// Calls visit(const Candidate&) for each selected document that row policies show, until it returns
// false. The candidate's bytes last until visit returns. Over all documents the order is that of
// ids, beginning at `lower`; along an index it is that of the keys, and documents below `lower` are
// left out. STATOR_E_DEADLINE_EXCEEDED when the request is interrupted, STATOR_E_CORRUPTED where an
// index entry has no document.
struct Walk {
  const Access& access;
  const Selection& selection;
  std::string_view lower = {};
};

template <class Visit>
Status walk_all(const Request& request, const Walk& walk, WalkCounts& counts, Visit&& visit) {
  const Rows rows = request.rows();
  for (Cursor cursor = request.kv().scan(Space::kDocuments, {.lower = walk.lower});
       cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const StoredDocument document = open_document(cursor.value());
    if (!rows.is_visible(document.root.bytes)) continue;
    ++counts.examined;
    if (!walk.selection.selects(document.root)) continue;
    ++counts.selected;
    if (!visit(Candidate{cursor.key(), document.lsn, document.root, cursor.vshard()})) break;
  }
  return STATOR_OK;
}

template <class Visit>
Status walk_range(const Request& request, const Walk& walk, const KeyRange& range,
                  WalkCounts& counts, bool& goes_on, Visit&& visit) {
  if (range.lower >= range.upper) return STATOR_OK;
  const Kv kv = request.kv();
  const Rows rows = request.rows();
  HitReader hits(kv, kv.scan(Space::kEntries, {.lower = range.lower, .upper = range.upper}));
  for (IndexHit hit; goes_on && hits.next(hit);) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    StoredDocument document;
    if (hit.document_id < walk.lower) continue;
    if (!load_document(kv, hit.document_id, document)) return STATOR_E_CORRUPTED;
    if (!rows.is_visible(document.root.bytes)) continue;
    ++counts.examined;
    if (!walk.selection.selects(document.root)) continue;
    ++counts.selected;
    goes_on = visit(Candidate{hit.document_id, document.lsn, document.root, hits.vshard()});
  }
  return hits.is_damaged() ? STATOR_E_CORRUPTED : STATOR_OK;
}

template <class Visit>
Status walk_selected(const Request& request, const Walk& walk, WalkCounts& counts, Visit&& visit) {
  if (walk.access.index == nullptr) return walk_all(request, walk, counts, visit);
  bool goes_on = true;
  for (const KeyRange& range : walk.access.ranges) {
    const Status status = walk_range(request, walk, range, counts, goes_on, visit);
    if (status != STATOR_OK || !goes_on) return status;
  }
  return STATOR_OK;
}

}  // namespace stator::document
