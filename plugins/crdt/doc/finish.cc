// The end of a transaction: content of deleted items is dropped,
// neighbours that say one thing become one item.
#include <algorithm>

#include "doc/store.h"

namespace stator::crdt {
namespace {

void grow_deleted(Item& left, const Item& right) {
  const std::uint32_t skip_to = std::max(left.skip_to(), right.skip_to());
  left.length += right.length;
  left.set_skip_to(skip_to);
}

}  // namespace

void Store::finish() {
  std::sort(deleted_.begin(), deleted_.end(), [](const DeletedRun& a, const DeletedRun& b) {
    return a.client != b.client ? a.client < b.client : a.range.clock < b.range.clock;
  });
  for (const DeletedRun& run : deleted_) collect(run);
  for (const DeletedRun& run : deleted_) join_range(run.client, run.range);
  for (const Index client : touched_) {
    Client& c = clients_[client];
    join_range(client, {c.before, c.state - c.before});
    c.before = c.state;
  }
  for (const Point& cut : cuts_) join_range(cut.client, {cut.clock, 1});
  touched_.clear();
  deleted_.clear();
  cuts_.clear();
  constexpr std::size_t kGarbageMin = std::size_t{64} << 10;
  if (bytes_.garbage() > kGarbageMin && bytes_.garbage() > bytes_.size() / 2) compact();
}

void Store::collect(const DeletedRun& run) {
  const ClockIndex& structs = clients_[run.client].structs;
  for (auto p = structs.find(run.range.clock); !structs.is_end(p); p = structs.next(p)) {
    const ClockEntry entry = structs.at(p);
    if (entry.clock >= run.range.end()) break;
    const Item& item = items_[entry.item];
    if (item.is_gc() || !item.deleted || item.kind == ContentKind::kDeleted) continue;
    drop_content(entry.item);
    items_[entry.item].kind = ContentKind::kDeleted;
  }
}

void Store::drop_content(Index index) {
  Item& item = items_[index];
  if (item.kind == ContentKind::kType) {
    bury(item.content.offset);
  } else if (item.kind != ContentKind::kDeleted) {
    bytes_.release(item.content);
  }
  items_[index].content = {};
}

// All items of a deleted type become GC, also in the types among them.
void Store::bury(Index first) {
  std::vector<Index> work{first};
  const auto to_gc = [&](Index index) {
    Item& item = items_[index];
    if (item.kind == ContentKind::kType) {
      work.push_back(item.content.offset);
    } else if (item.kind != ContentKind::kDeleted) {
      bytes_.release(item.content);
    }
    forget_conflicts(index);
    named_bytes_ -= named_bytes(item);
    Item gc;
    gc.id = item.id;
    gc.length = item.length;
    gc.deleted = true;
    item = gc;
  };
  while (!work.empty()) {
    const Index type = work.back();
    work.pop_back();
    for (Index child = types_[type].start; child != kNone;) {
      const Index next = items_[child].right;
      to_gc(child);
      child = next;
    }
    for (const Index key : types_[type].keys) {
      for (Index child = entry(type, key); child != kNone;) {
        const Index next = items_[child].left;
        to_gc(child);
        child = next;
      }
      entries_.erase(entry_key(type, key));
    }
    bytes_.release(types_[type].payload);
    types_[type] = Type{};
    free_types_.push_back(type);
  }
}

bool Store::try_join(Index left_index, Index right_index) {
  Item& left = items_[left_index];
  const Item& right = items_[right_index];
  if (left.kind != right.kind || left.deleted != right.deleted) return false;
  if (left.is_gc()) {
    grow_deleted(left, right);
    return true;
  }
  const bool can_grow = left.kind == ContentKind::kDeleted || left.kind == ContentKind::kString ||
                        left.kind == ContentKind::kAny || left.kind == ContentKind::kJson;
  if (!can_grow || right.origin != left.last() || left.right != right_index ||
      left.right_origin != right.right_origin) {
    return false;
  }
  if (left.kind == ContentKind::kDeleted) {
    grow_deleted(left, right);
  } else {
    bytes_.append(left.content, right.content);
    left.length += right.length;
  }
  left.right = right.right;
  if (left.right != kNone) {
    items_[left.right].left = left_index;
  } else if (right.key != kNone) {
    entries_[entry_key(right.parent, right.key)].last = left_index;
  }
  return true;
}

// Tries each border between structs from the one before the range to the one behind it.
void Store::join_range(Index client, ClockRange range) {
  ClockIndex& structs = clients_[client].structs;
  auto p = structs.find(range.clock);
  if (!structs.is_first(p)) p = structs.previous(p);
  while (true) {
    const auto next = structs.next(p);
    if (structs.is_end(next)) return;
    const ClockEntry left = structs.at(p);
    const ClockEntry right = structs.at(next);
    if (left.clock >= range.end()) return;
    if (!try_join(left.item, right.item)) {
      p = next;
      continue;
    }
    forget_conflicts(right.item);
    items_[right.item] = Item{};
    free_items_.push_back(right.item);
    structs.erase(next);
    p = structs.find(left.clock);
  }
}

// Rewrites all live content into a fresh arena.
void Store::compact() {
  ByteArena fresh;
  for (const Client& client : clients_) {
    if (client.structs.empty()) continue;
    for (auto p = client.structs.find(0); !client.structs.is_end(p); p = client.structs.next(p)) {
      Item& item = items_[client.structs.at(p).item];
      if (item.is_gc() || item.kind == ContentKind::kDeleted) continue;
      Content& content =
          item.kind == ContentKind::kType ? types_[item.content.offset].payload : item.content;
      content = fresh.store(bytes_.view(content));
    }
  }
  bytes_ = std::move(fresh);
  values_.clear();
}

}  // namespace stator::crdt
