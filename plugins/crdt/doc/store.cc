#include "doc/store.h"

#include "codec/utf16.h"

namespace stator::crdt {

Index Store::find_client(std::uint64_t id) const {
  const auto found = client_index_.find(id);
  return found == client_index_.end() ? kNone : found->second;
}

Index Store::intern_client(std::uint64_t id) {
  const auto [entry, is_new] = client_index_.try_emplace(id, static_cast<Index>(clients_.size()));
  if (is_new) clients_.push_back({.id = id, .structs = {}});
  return entry->second;
}

Index Store::intern_key(std::string_view key) {
  const auto found = key_index_.find(key);
  if (found != key_index_.end()) return found->second;
  const auto index = static_cast<Index>(keys_.size());
  keys_.emplace_back(key);
  key_index_.emplace(keys_.back(), index);
  key_bytes_ += key.size();
  return index;
}

Index Store::root(std::string_view name) {
  const Index key = intern_key(name);
  const auto found = root_index_.find(key);
  if (found != root_index_.end()) return found->second;
  const Index type = new_type();
  types_[type].name = key;
  roots_.push_back(type);
  root_index_.emplace(key, type);
  return type;
}

Index Store::new_item() {
  if (!free_items_.empty()) {
    const Index item = free_items_.back();
    free_items_.pop_back();
    items_[item] = Item{};
    return item;
  }
  items_.emplace_back();
  return static_cast<Index>(items_.size() - 1);
}

Index Store::new_type() {
  if (!free_types_.empty()) {
    const Index type = free_types_.back();
    free_types_.pop_back();
    types_[type] = Type{};
    return type;
  }
  types_.emplace_back();
  return static_cast<Index>(types_.size() - 1);
}

std::uint32_t Store::state(std::uint64_t client) const {
  const Index index = find_client(client);
  return index == kNone ? 0 : clients_[index].state;
}

Index Store::item_at(Point p) const {
  const ClockIndex& structs = clients_[p.client].structs;
  return structs.at(structs.find(p.clock)).item;
}

// The item that starts at p; what holds p is split unless it is GC.
Index Store::clean_start(Point p) {
  const ClockIndex& structs = clients_[p.client].structs;
  const ClockIndex::Position position = structs.find(p.clock);
  const ClockEntry entry = structs.at(position);
  if (entry.clock == p.clock || items_[entry.item].is_gc()) return entry.item;
  split(p.client, position, p.clock - entry.clock);
  return item_at(p);
}

// The item that ends with p.
Index Store::clean_end(Point p) {
  const ClockIndex& structs = clients_[p.client].structs;
  const ClockIndex::Position position = structs.find(p.clock);
  const ClockEntry entry = structs.at(position);
  const Item& item = items_[entry.item];
  if (item.last().clock != p.clock && !item.is_gc()) {
    split(p.client, position, p.clock - entry.clock + 1);
  }
  return entry.item;
}

void Store::split(Index client, ClockIndex::Position position, std::uint32_t offset) {
  const Index left_index = clients_[client].structs.at(position).item;
  const Index right_index = new_item();
  Item& left = items_[left_index];
  Item& right = items_[right_index];
  right = left;
  right.id.clock += offset;
  right.length -= offset;
  right.origin = {client, right.id.clock - 1};
  right.left = left_index;
  left.length = offset;
  left.right = right_index;
  split_content(left, right);
  if (right.right != kNone) {
    items_[right.right].left = right_index;
  } else if (right.key != kNone) {
    entries_[entry_key(right.parent, right.key)].last = right_index;
  }
  clients_[client].structs.insert_after(position, {right.id.clock, right_index});
  cuts_.push_back(right.id);
  if (conflicts_.has(left_index)) index_item(right_index);
}

// Both hold the content of the whole when called; their lengths are those of the parts.
void Store::split_content(Item& left, Item& right) {
  if (left.kind == ContentKind::kDeleted) return;
  const std::string_view whole = bytes_.view(left.content);
  const std::uint32_t room = left.content.room;
  if (left.kind == ContentKind::kString) {
    const Utf16Cut cut = cut_utf16(whole, left.length + right.length, left.length);
    if (cut.in_pair) {
      return split_pair(left, right, cut.bytes);
    }
    left.content.bytes = cut.bytes;
  } else {
    left.content.bytes =
        values_.bytes(bytes_, left.kind, left.content, left.length + right.length, left.length);
  }
  left.content.room = left.content.bytes;
  right.content.offset += left.content.bytes;
  right.content.bytes -= left.content.bytes;
  right.content.room = room - left.content.bytes;
}

// Both halves of a cut surrogate pair become U+FFFD (yjs issue 248). The place of the pair holds
// one of the two; the shorter side moves, so that cutting a run to pieces costs n log n.
void Store::split_pair(Item& left, Item& right, std::uint32_t at) {
  constexpr std::uint32_t kPairBytes = 4;
  const Content whole = left.content;
  const std::string_view text = bytes_.view(whole);
  pair_bytes_moved_ += std::min(at, whole.bytes - at);
  if (at > whole.bytes / 2) {
    std::string rest(kReplacementCharacter);
    rest.append(text.substr(at + kPairBytes));
    bytes_.replace_tail(left.content, at, kReplacementCharacter);
    right.content = bytes_.store(rest);
    return;
  }
  std::string begin(text.substr(0, at));
  begin.append(kReplacementCharacter);
  right.content = {whole.offset + at + 1, 0, whole.room - at - 1};
  bytes_.replace_tail(right.content, 0, kReplacementCharacter);
  right.content.bytes = whole.bytes - at - 1;
  bytes_.release({whole.offset, at + 1, at + 1});
  left.content = bytes_.store(begin);
}

// What the encoded item spells out that other items may spell out too.
std::size_t Store::named_bytes(const Item& item) const {
  if (item.origin.client != kNone || item.right_origin.client != kNone) return 0;
  const Type& parent = types_[item.parent];
  return (parent.item == kNone ? keys_[parent.name].size() : 0) +
         (item.key != kNone ? keys_[item.key].size() : 0);
}

void Store::touch(Index client) {
  Client& c = clients_[client];
  if (c.before != c.state) return;  // changed before in this transaction
  touched_.push_back(client);
}

void Store::append(Index index) {
  const Item& item = items_[index];
  touch(item.id.client);
  Client& client = clients_[item.id.client];
  client.structs.push_back({item.id.clock, index});
  client.state = item.id.clock + item.length;
}

Index Store::entry(Index type, Index key) const {
  const auto found = entries_.find(entry_key(type, key));
  return found == entries_.end() ? kNone : found->second.last;
}

void Store::note_seen(std::string_view name, std::uint8_t seen) { types_[root(name)].seen |= seen; }

std::size_t Store::memory_bytes() const {
  constexpr std::size_t kHashNodeBytes = 48;
  std::size_t bytes = sizeof *this + items_.capacity() * sizeof(Item) +
                      types_.capacity() * (sizeof(Type) + 16) + bytes_.capacity() +
                      clients_.capacity() * sizeof(Client) +
                      (client_index_.size() + entries_.size()) * kHashNodeBytes +
                      keys_.size() * (sizeof(std::string) + kHashNodeBytes) + key_bytes_;
  bytes += items_.size() * sizeof(ClockEntry) * 3 / 2;
  return bytes + conflicts_.memory_bytes();
}

DeleteSet Store::deleted() const {
  DeleteSet out;
  for (const Client& client : clients_) {
    if (client.structs.empty()) continue;
    std::vector<ClockRange> ranges;
    for (auto p = client.structs.find(0); !client.structs.is_end(p); p = client.structs.next(p)) {
      const Item& item = items_[client.structs.at(p).item];
      if (!item.deleted) continue;
      if (!ranges.empty() && ranges.back().end() == item.id.clock) {
        ranges.back().length += item.length;
      } else {
        ranges.push_back({item.id.clock, item.length});
      }
    }
    if (!ranges.empty()) out.emplace(client.id, std::move(ranges));
  }
  return out;
}

Struct Store::to_struct(const Item& item) const {
  Struct out;
  out.kind = item.kind;
  out.clock = item.id.clock;
  out.length = item.length;
  if (item.is_gc()) return out;
  out.has_origin = item.origin.client != kNone;
  out.has_right_origin = item.right_origin.client != kNone;
  out.has_key = item.key != kNone;
  if (out.has_origin) out.origin = {clients_[item.origin.client].id, item.origin.clock};
  if (out.has_right_origin) {
    out.right_origin = {clients_[item.right_origin.client].id, item.right_origin.clock};
  }
  if (out.has_key) out.key = keys_[item.key];
  const Type& parent = types_[item.parent];
  if (parent.item == kNone) {
    out.parent_kind = ParentKind::kRoot;
    out.parent_root = keys_[parent.name];
  } else {
    const Item& holder = items_[parent.item];
    out.parent_kind = ParentKind::kItem;
    out.parent_item = {clients_[holder.id.client].id, holder.id.clock};
  }
  if (item.kind != ContentKind::kDeleted) out.content = content(item);
  return out;
}

}  // namespace stator::crdt
