// Removal of formatting marks that do nothing, as yjs 13 does it after remote changes: with the
// same conditions and the same limits, so that the result is the same to the byte.
//
// It runs when a nested text with marks was changed. Where marks were added or deleted, all marks
// before the first content are looked at; elsewhere only the gap around what was deleted.
#include <algorithm>
#include <map>
#include <unordered_set>

#include "doc/store.h"

namespace stator::crdt {
namespace {

struct Mark {
  std::string_view key;
  std::string_view value;  // JSON text
  Index item = kNone;
};
using Marks = std::map<std::string_view, Mark>;

Mark read_mark(const Store& store, Index index) {
  ByteReader reader(store.content(store.item(index)));
  Mark out;
  out.item = index;
  reader.var_bytes(out.key);
  reader.var_bytes(out.value);
  return out;
}

bool is_gap(const Item& item) { return item.deleted || !is_countable(item.kind); }

}  // namespace

// Texts whose change makes yjs look for marks: those that stood before the transaction.
bool Store::is_observed_text(Index type_index) const {
  const Type& type = types_[type_index];
  if (!type.has_formatting || type.item == kNone) return false;
  if (type.kind != TypeKind::kText && type.kind != TypeKind::kXmlText) return false;
  const Item& holder = items_[type.item];
  return !holder.deleted && holder.id.clock < clients_[holder.id.client].before;
}

void Store::clean_formatting() {
  std::vector<Index> changed;
  std::unordered_set<Index> whole;  // types to be cleaned from their start
  for (const Index client : touched_) {
    const Client& c = clients_[client];
    for (auto p = c.structs.find(c.before); !c.structs.is_end(p); p = c.structs.next(p)) {
      const Index index = c.structs.at(p).item;
      const Item& item = items_[index];
      if (item.is_gc() || item.last().clock < c.before) continue;
      changed.push_back(index);
      if (!item.deleted && item.kind == ContentKind::kFormat) whole.insert(item.parent);
    }
  }
  std::vector<Index> erased;
  for (const DeletedRun& run : deleted_) {
    const ClockIndex& structs = clients_[run.client].structs;
    for (auto p = structs.find(run.range.clock); !structs.is_end(p); p = structs.next(p)) {
      if (structs.at(p).clock >= run.range.end()) break;
      const Index index = structs.at(p).item;
      if (!items_[index].is_gc()) erased.push_back(index);
    }
  }
  changed.insert(changed.end(), erased.begin(), erased.end());
  if (std::none_of(changed.begin(), changed.end(),
                   [&](Index i) { return is_observed_text(items_[i].parent); })) {
    return;
  }
  for (const Index index : erased) {
    const Item& item = items_[index];
    if (!types_[item.parent].has_formatting || whole.contains(item.parent)) continue;
    if (item.kind == ContentKind::kFormat) {
      whole.insert(item.parent);
    } else {
      clean_gap(index);
    }
  }
  for (const Index type : whole) clean_first_marks(type);
}

// Of two marks with one key in a gap between contents, the left one does nothing.
void Store::clean_gap(Index index) {
  while (items_[index].right != kNone && is_gap(items_[items_[index].right])) {
    index = items_[index].right;
  }
  std::unordered_set<std::string> seen;
  for (; index != kNone && is_gap(items_[index]); index = items_[index].left) {
    if (items_[index].deleted || items_[index].kind != ContentKind::kFormat) continue;
    if (!seen.emplace(read_mark(*this, index).key).second) erase(index);
  }
}

// Each mark before the first content that is overwritten before it, or sets what holds anyway.
// yjs looks no further, although it walks the whole text.
void Store::clean_first_marks(Index type) {
  Marks last;
  std::vector<Mark> marks;
  Index i = types_[type].start;
  for (; i != kNone && is_gap(items_[i]); i = items_[i].right) {
    if (items_[i].deleted || items_[i].kind != ContentKind::kFormat) continue;
    marks.push_back(read_mark(*this, i));
    last[marks.back().key] = marks.back();
  }
  if (i == kNone) return;  // there is no content
  for (const Mark& mark : marks) {
    const bool is_overwritten = last[mark.key].item != mark.item;
    if (is_overwritten || mark.value == "null") erase(mark.item);
  }
}

}  // namespace stator::crdt
