// The items of one document and the rules by which they change (YATA with the right origin
// that Yjs adds: README.md; Nicolaescu et al., "Near Real-Time Peer-to-Peer Shared Editing on Extensible Data
// Types", 2016).
//
// A transaction is: integrate() and erase_range() in any number, then finish(). What depends on
// other clients that are not there yet is the caller's to hold back (missing()).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "codec/delete_set.h"
#include "codec/id_hash.h"
#include "codec/update.h"
#include "doc/conflict_index.h"
#include "doc/item.h"
#include "doc/value_index.h"

namespace stator::crdt {

class Store {
 public:
  // ---- changes ----
  // An element of another client that must come before the struct from its `offset`th element on,
  // if any. The origin of a struct that is cut is the element before the cut.
  std::optional<StructId> missing(std::uint64_t client, const Struct& s,
                                  std::uint32_t offset) const {
    return missing(client, s, offset, [this](std::uint64_t other) { return state(other); });
  }
  // The same where `state_of` says what is known.
  template <class StateOf>
  static std::optional<StructId> missing(std::uint64_t client, const Struct& s,
                                         std::uint32_t offset, const StateOf& state_of) {
    const auto waits = [&](const StructId& id) {
      return id.client != client && id.clock >= state_of(id.client);
    };
    if (s.has_right_origin && waits(s.right_origin)) return s.right_origin;
    if (offset > 0) return std::nullopt;
    if (s.has_origin && waits(s.origin)) return s.origin;
    if (s.parent_kind == ParentKind::kItem && waits(s.parent_item)) return s.parent_item;
    return std::nullopt;
  }
  // Puts a struct without missing() in, from its `offset`th element on: the client's state must be
  // s.clock + offset.
  void integrate(std::uint64_t client, const Struct& s, std::uint32_t offset);
  // Deletes what is known of the range; returns what is not.
  std::optional<ClockRange> erase_range(std::uint64_t client, const ClockRange& range);
  // Ends the transaction: drops the content of what was deleted and joins neighbours.
  void finish();
  // Formatting marks that do nothing any more become deletes, as yjs 13 does it after remote
  // changes (for comparison with it: nothing that no user wrote is written by default).
  void clean_formatting();

  // ---- the whole ----
  std::uint32_t state(std::uint64_t client) const;
  const std::vector<Client>& clients() const { return clients_; }
  std::size_t struct_count() const { return items_.size() - free_items_.size(); }
  // Content, and the names of roots and keys as often as an encoded state holds them.
  std::size_t content_bytes() const { return bytes_.size() - bytes_.garbage() + named_bytes_; }
  std::size_t memory_bytes() const;
  // Deleted ranges of each client.
  DeleteSet deleted() const;
  // Items and index nodes that were looked at to place items: what tests count.
  std::uint64_t conflict_steps() const { return scan_steps_ + conflicts_.steps(); }
  // Values walked over, and bytes moved, to cut runs.
  std::uint64_t cut_steps() const { return values_.steps() + pair_bytes_moved_; }
  // Items looked at to delete ranges.
  std::uint64_t erase_steps() const { return erase_steps_; }
  std::size_t indexed_items() const { return conflicts_.item_count(); }

  // ---- reading ----
  const Item& item(Index i) const { return items_[i]; }
  const Type& type(Index i) const { return types_[i]; }
  const Type& type_of(const Item& item) const { return types_[item.content.offset]; }
  const std::vector<Index>& roots() const { return roots_; }
  std::string_view key(Index i) const { return keys_[i]; }
  // The value of a key: kNone if it was never set; may be a deleted item.
  Index entry(Index type, Index key) const;
  std::string_view content(const Item& item) const {
    return bytes_.view(item.kind == ContentKind::kType ? type_of(item).payload : item.content);
  }
  // The item as a struct of the wire.
  Struct to_struct(const Item& item) const;

  // What roots have held is part of a document's stored image: see SeenContent.
  void note_seen(std::string_view root, std::uint8_t seen);

 private:
  struct DeletedRun {
    Index client;
    ClockRange range;
  };
  struct KeyValues {
    Index first = kNone;
    Index last = kNone;  // the one that counts
  };
  struct Placement {
    Index left = kNone;
    Index right = kNone;
    Index parent = kNone;
    Index key = kNone;
  };

  // store.cc
  Index find_client(std::uint64_t id) const;
  Index intern_client(std::uint64_t id);
  Index intern_key(std::string_view key);
  Index root(std::string_view name);
  Index new_item();
  Index new_type();
  Index item_at(Point p) const;
  Index clean_start(Point p);
  Index clean_end(Point p);
  void split(Index client, ClockIndex::Position position, std::uint32_t offset);
  void split_content(Item& left, Item& right);
  void split_pair(Item& left, Item& right, std::uint32_t at);
  void touch(Index client);
  std::size_t named_bytes(const Item& item) const;
  static std::uint64_t entry_key(Index type, Index key) { return std::uint64_t{type} << 32 | key; }
  // Puts the struct of a new item behind all of its client.
  void append(Index item);

  // integrate.cc
  std::optional<Placement> place(Index client, const Struct& s, std::uint32_t offset);
  void add_gc(Index client, ClockRange range);
  void add_item(Index client, const Struct& s, std::uint32_t offset, Placement where);
  void set_content(Item& item, const Struct& s, std::uint32_t offset);
  Index first_of(const Item& item) const;
  Index resolve_conflicts(Index item, Index left, Index right);
  Index indexed_place(const Item& item, Index left, Index right);
  void index_list(Index first);
  void index_item(Index item);
  void forget_conflicts(Index item);
  std::uint64_t depth_behind(Point origin) const;
  void link(Index item, Index left);
  void activate(Index item, const Struct& s);
  void leave_hints(std::uint32_t clock);
  void erase(Index item);
  void erase_children(Index type, std::vector<Index>& work);

  // formatting.cc
  bool is_observed_text(Index type) const;
  void clean_gap(Index item);
  void clean_first_marks(Index type);

  // finish.cc
  void collect(const DeletedRun& run);
  void drop_content(Index item);
  void bury(Index type);
  bool try_join(Index left, Index right);
  void join_range(Index client, ClockRange range);
  void compact();

  std::vector<Item> items_;
  std::vector<Index> free_items_;
  std::vector<Type> types_;
  std::vector<Index> free_types_;
  std::vector<Client> clients_;
  std::unordered_map<std::uint64_t, Index, IdHash> client_index_;
  std::deque<std::string> keys_;  // stable addresses: key_index_ points into them
  std::map<std::string_view, Index> key_index_;
  std::unordered_map<std::uint64_t, KeyValues, IdHash> entries_;  // by (type, key)
  std::vector<Index> roots_;
  std::unordered_map<Index, Index> root_index_;  // name -> type
  ByteArena bytes_;
  std::size_t key_bytes_ = 0;
  std::size_t named_bytes_ = 0;
  std::uint32_t scan_ = 0;  // marks of conflict scans
  std::uint64_t scan_steps_ = 0;
  ConflictIndex conflicts_;
  ValueIndex values_;
  std::uint64_t pair_bytes_moved_ = 0;
  std::uint64_t erase_steps_ = 0;
  std::vector<Index> passed_;  // deleted items that erase_range() walks over

  // Of the running transaction.
  std::vector<Index> touched_;
  std::vector<DeletedRun> deleted_;
  std::vector<Point> cuts_;  // where items were split, or may join for another reason
};

}  // namespace stator::crdt
