// Putting structs in and taking content out: the changing half of Store.
#include <limits>

#include "bounds.h"
#include "codec/utf16.h"
#include "doc/store.h"

namespace stator::crdt {
namespace {

std::uint8_t witness(const Struct& s, bool has_key) {
  if (has_key) return kSeenKeys;
  switch (s.kind) {
    case ContentKind::kString:
    case ContentKind::kEmbed:
    case ContentKind::kFormat:
      return kSeenText;
    case ContentKind::kDeleted:
      return 0;
    case ContentKind::kType: {
      const auto kind = static_cast<TypeKind>(s.content.front());
      const bool is_xml = kind == TypeKind::kXmlElement || kind == TypeKind::kXmlText ||
                          kind == TypeKind::kXmlHook || kind == TypeKind::kXmlFragment;
      return is_xml ? kSeenXml : kSeenValues;
    }
    default:
      return kSeenValues;
  }
}

}  // namespace

void Store::integrate(std::uint64_t client_id, const Struct& s, std::uint32_t offset) {
  const Index client = intern_client(client_id);
  const ClockRange rest{s.clock + offset, s.length - offset};
  if (s.kind == ContentKind::kGc) return add_gc(client, rest);
  const std::optional<Placement> where = place(client, s, offset);
  if (!where) return add_gc(client, rest);
  add_item(client, s, offset, *where);
}

void Store::add_gc(Index client, ClockRange range) {
  const Index index = new_item();
  Item& item = items_[index];
  item.id = {client, range.clock};
  item.length = range.length;
  item.deleted = true;
  append(index);
}

// Where a struct belongs from its `offset`th element on; nothing if what it refers to is gone.
std::optional<Store::Placement> Store::place(Index client, const Struct& s, std::uint32_t offset) {
  Placement out;
  // The right one first: cutting there must not shorten the left one, where a hostile struct names
  // a right origin that stands before its origin. An origin always stands before its items.
  if (s.has_right_origin) {
    out.right = clean_start({find_client(s.right_origin.client), s.right_origin.clock});
  }
  if (offset > 0) {
    out.left = clean_end({client, s.clock + offset - 1});
  } else if (s.has_origin) {
    out.left = clean_end({find_client(s.origin.client), s.origin.clock});
  }
  if ((out.left != kNone && items_[out.left].is_gc()) ||
      (out.right != kNone && items_[out.right].is_gc())) {
    return std::nullopt;
  }
  if (const Index known = out.left != kNone ? out.left : out.right; known != kNone) {
    out.parent = items_[known].parent;
    out.key = items_[known].key;
    return out;
  }
  if (s.parent_kind == ParentKind::kRoot) {
    out.parent = root(s.parent_root);
  } else {
    const Item& holder = items_[item_at({find_client(s.parent_item.client), s.parent_item.clock})];
    if (holder.kind != ContentKind::kType) return std::nullopt;
    out.parent = holder.content.offset;
  }
  if (s.has_key) out.key = intern_key(s.key);
  return out;
}

void Store::add_item(Index client, const Struct& s, std::uint32_t offset, Placement where) {
  const Index index = new_item();
  Item& item = items_[index];
  item.id = {client, s.clock + offset};
  item.length = s.length - offset;
  item.kind = s.kind;
  item.parent = where.parent;
  item.key = where.key;
  if (offset > 0) {
    item.origin = {client, item.id.clock - 1};
  } else if (s.has_origin) {
    item.origin = {find_client(s.origin.client), s.origin.clock};
  }
  if (s.has_right_origin) {
    item.right_origin = {find_client(s.right_origin.client), s.right_origin.clock};
  }
  set_content(item, s, offset);
  // Neighbours that still stand side by side leave nothing to decide.
  const bool is_adjacent = where.left != kNone
                               ? items_[where.left].right == where.right
                               : where.right != kNone && items_[where.right].left == kNone;
  link(index, is_adjacent ? where.left : resolve_conflicts(index, where.left, where.right));
  named_bytes_ += named_bytes(item);
  append(index);
  activate(index, s);
}

void Store::set_content(Item& item, const Struct& s, std::uint32_t offset) {
  switch (s.kind) {
    case ContentKind::kDeleted:
    case ContentKind::kType:
      return;  // activate() makes the type
    case ContentKind::kString: {
      const Utf16Cut cut = cut_utf16(s.content, s.length, offset);
      if (offset == 0 || !cut.in_pair) {
        item.content = bytes_.store(s.content.substr(cut.bytes));
        return;
      }
      std::string rest(kReplacementCharacter);
      rest.append(s.content.substr(cut.bytes + 4));
      item.content = bytes_.store(rest);
      return;
    }
    case ContentKind::kAny:
    case ContentKind::kJson:
      item.content = bytes_.store(s.content.substr(value_bytes(s.kind, s.content, offset)));
      return;
    default:
      item.content = bytes_.store(s.content);
  }
}

// The first item of the list, or of the values of the key, to which `item` will belong.
Index Store::first_of(const Item& item) const {
  if (item.key == kNone) return types_[item.parent].start;
  const auto found = entries_.find(entry_key(item.parent, item.key));
  return found == entries_.end() ? kNone : found->second.first;
}

// The item behind which the new one stands among concurrent ones. Two sets of the algorithm are one
// mark: items met since the scan began, and items met since `left` last moved.
//
// The right origin ends the scan only if it is a sibling. Elsewhere it stands within the subtree of
// one, where no editor can have seen a place next to `left`; yjs would then tear that subtree
// apart, and its result depend on the order in which updates come (docs/adr/0014-crdt-work.md).
Index Store::resolve_conflicts(Index index, Index left, Index right) {
  if (scan_ > std::numeric_limits<std::uint32_t>::max() - items_.size() - 2) {
    for (Item& item : items_) item.mark = 0;
    scan_ = 0;
  }
  const Item& self = items_[index];
  const Index scan_from = left != kNone ? items_[left].right : first_of(self);
  if (scan_from != kNone && conflicts_.has(scan_from)) return indexed_place(self, left, right);
  const Index origin = left;
  const std::uint32_t scan_begin = ++scan_;
  std::uint32_t conflicts_begin = scan_begin;
  const std::uint64_t self_client = clients_[self.id.client].id;
  for (Index o = scan_from; o != kNone; o = items_[o].right) {
    Item& other = items_[o];
    if (o == right && self.origin == other.origin) break;
    if (scan_ - scan_begin == kConflictScanMax) {
      scan_steps_ += scan_ - scan_begin;
      index_list(first_of(self));
      return indexed_place(self, origin, right);
    }
    other.mark = scan_++;
    if (self.origin == other.origin) {
      if (clients_[other.id.client].id < self_client) {
        left = o;
        conflicts_begin = scan_;
      } else if (self.right_origin == other.right_origin) {
        break;
      }
    } else if (other.origin.client != kNone) {
      const std::uint32_t origin_mark = items_[item_at(other.origin)].mark;
      if (origin_mark < scan_begin) break;
      if (origin_mark < conflicts_begin) {
        left = o;
        conflicts_begin = scan_;
      }
    } else {
      break;
    }
  }
  scan_steps_ += scan_ - scan_begin;
  return left;
}

// As the scan of resolve_conflicts, by the index of the list.
Index Store::indexed_place(const Item& self, Index left, Index right) {
  const std::uint64_t depth = depth_behind(self.origin);
  const std::uint64_t client = clients_[self.id.client].id;
  const Index any = left != kNone ? left : first_of(self);
  Index end = kNone;  // of the scan
  if (const auto rival = conflicts_.first_sibling(self, client)) {
    end = item_at(*rival);
  } else if (right != kNone && items_[right].origin == self.origin && conflicts_.has(right)) {
    end = right;
  } else if (left != kNone) {
    end = conflicts_.first_after(left, {depth, 0});
  }
  const Index passed = end != kNone ? conflicts_.last_before(end, {depth, client})
                                    : conflicts_.last_below(any, {depth, client});
  if (passed == left) return left;
  // All that hangs on the last sibling that goes first goes with it.
  const Index next = conflicts_.first_after(passed, {depth + 1, 0});
  return next != kNone ? items_[next].left : conflicts_.last_of(any);
}

// Depth of what stands directly behind the element in the tree of origins.
std::uint64_t Store::depth_behind(Point origin) const {
  if (origin.client == kNone) return 0;
  const Index holder = item_at(origin);
  return conflicts_.depth(holder) + (origin.clock - items_[holder].id.clock) + 1;
}

void Store::index_list(Index first) {
  Index before = kNone;
  for (Index i = first; i != kNone; before = i, i = items_[i].right) {
    const Item& item = items_[i];
    const std::uint64_t client = clients_[item.id.client].id;
    const ConflictIndex::Rank rank{depth_behind(item.origin), client};
    if (before == kNone) {
      conflicts_.start(i, rank);
    } else {
      conflicts_.insert_after(before, i, rank);
    }
    conflicts_.add_sibling(item, client);
    ++scan_steps_;
  }
}

// Tells the index about an item that was just linked into a list it holds.
void Store::index_item(Index index) {
  const Item& item = items_[index];
  const std::uint64_t client = clients_[item.id.client].id;
  const ConflictIndex::Rank rank{depth_behind(item.origin), client};
  if (item.left != kNone) {
    conflicts_.insert_after(item.left, index, rank);
  } else {
    conflicts_.insert_before(item.right, index, rank);
  }
  conflicts_.set_sibling(item, client);
}

void Store::forget_conflicts(Index index) {
  if (!conflicts_.has(index)) return;
  const Item& item = items_[index];
  conflicts_.erase(index);
  conflicts_.erase_sibling(item, clients_[item.id.client].id);
}

void Store::link(Index index, Index left) {
  Item& item = items_[index];
  item.left = left;
  item.right = left != kNone ? items_[left].right : first_of(item);
  if (left != kNone) items_[left].right = index;
  if (item.right != kNone) items_[item.right].left = index;
  const bool is_value = item.key != kNone;
  if (!is_value) {
    if (left == kNone) types_[item.parent].start = index;
  } else if (left == kNone || item.right == kNone) {
    const auto [values, is_new] = entries_.try_emplace(entry_key(item.parent, item.key));
    if (is_new) types_[item.parent].keys.push_back(item.key);
    if (left == kNone) values->second.first = index;
    if (item.right == kNone) values->second.last = index;
  }
  const Index neighbour = left != kNone ? left : item.right;
  if (neighbour != kNone && conflicts_.has(neighbour)) index_item(index);
  // The last value of a key is the one that counts.
  if (is_value && item.right == kNone && left != kNone) erase(left);
}

void Store::activate(Index index, const Struct& s) {
  const Index parent = items_[index].parent;
  const bool has_key = items_[index].key != kNone;
  types_[parent].seen |= witness(s, has_key);
  if (s.kind == ContentKind::kDeleted) {
    Item& item = items_[index];
    item.deleted = true;
    deleted_.push_back({item.id.client, {item.id.clock, item.length}});
  } else if (s.kind == ContentKind::kType) {
    const Index type = new_type();
    types_[type].kind = static_cast<TypeKind>(s.content.front());
    types_[type].item = index;
    types_[type].payload = bytes_.store(s.content);
    items_[index].content.offset = type;
  } else if (s.kind == ContentKind::kFormat) {
    types_[parent].has_formatting = true;
  }
  const Index holder = types_[parent].item;
  const bool is_in_deleted = holder != kNone && items_[holder].deleted;
  if (is_in_deleted || (has_key && items_[index].right != kNone)) erase(index);
}

// Runs of deleted items are passed over by the hints that earlier visits left: a union-find forest
// of `next item that may be alive`, with path compression (Tarjan and van Leeuwen, 1984).
std::optional<ClockRange> Store::erase_range(std::uint64_t client_id, const ClockRange& range) {
  const Index client = find_client(client_id);
  const std::uint32_t known = client == kNone ? 0 : clients_[client].state;
  if (range.clock >= known) return range;
  const std::uint32_t end = std::min(range.end(), known);
  std::uint32_t clock = range.clock;
  while (clock < end) {
    const Index at = item_at({client, clock});
    ++erase_steps_;
    if (items_[at].deleted) {
      clock = items_[at].skip_to();
      passed_.push_back(at);
      continue;
    }
    leave_hints(clock);
    const Index from = clean_start({client, clock});
    if (items_[from].last().clock >= end) clean_end({client, end - 1});
    clock = items_[from].id.clock + items_[from].length;
    erase(from);
  }
  leave_hints(clock);
  if (range.end() <= known) return std::nullopt;
  return ClockRange{known, range.end() - known};
}

void Store::leave_hints(std::uint32_t clock) {
  for (const Index index : passed_) items_[index].set_skip_to(clock);
  passed_.clear();
}

// Without recursion: nesting is the client's choice, the stack is ours.
void Store::erase(Index first) {
  std::vector<Index> work{first};
  while (!work.empty()) {
    const Index index = work.back();
    work.pop_back();
    Item& item = items_[index];
    if (item.deleted) continue;
    item.deleted = true;
    deleted_.push_back({item.id.client, {item.id.clock, item.length}});
    if (item.kind == ContentKind::kType) erase_children(item.content.offset, work);
  }
}

void Store::erase_children(Index type, std::vector<Index>& work) {
  const auto add = [&](Index index) {
    const Item& child = items_[index];
    if (!child.deleted) {
      work.push_back(index);
    } else if (child.id.clock < clients_[child.id.client].before) {
      cuts_.push_back(child.id);  // will be GC and may join its neighbours
    }
  };
  for (Index child = types_[type].start; child != kNone; child = items_[child].right) add(child);
  for (const Index key : types_[type].keys) {
    if (const Index child = entry(type, key); child != kNone) add(child);
  }
}

}  // namespace stator::crdt
