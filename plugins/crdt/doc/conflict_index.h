// Where an item belongs among concurrent ones, found without walking over them.
//
// A list is the preorder of a tree: the parent of an item is its origin, and integration puts a new
// item between two subtrees of its siblings, never into one. So with the depth of each item in that
// tree (counted in elements, hence the same however runs are cut and joined) what a conflict scan
// looks for are neighbours by rank, a pair of depth and client:
//   - the children of an element at depth d are the items of its subtree with depth d + 1;
//   - the subtree ends at the first item behind with a depth of at most d;
//   - the last child of a smaller client is the last item before the scan's end with a lower rank.
// A B+ tree over the list that keeps the least rank of each node answers these in O(log n). Where
// a scan ends early, at a sibling with the same right origin, is the matter of `siblings_`: those
// of one right origin stand in ascending order of their clients.
//
// A list is held from its first long scan on (Store::resolve_conflicts); most never are.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "doc/item.h"

namespace stator::crdt {

class ConflictIndex {
 public:
  struct Rank {
    std::uint64_t depth = 0;
    std::uint64_t client = 0;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };

  // ---- lists: `at` and `any` are items that are held ----
  bool has(Index item) const { return item < leaf_.size() && leaf_[item] != kNone; }
  std::uint64_t depth(Index item) const;
  void start(Index first, const Rank& rank);
  void insert_after(Index at, Index item, const Rank& rank);
  void insert_before(Index at, Index item, const Rank& rank);
  void erase(Index item);

  // The nearest item behind or before `at`, or the last of the list, with a rank below the bound;
  // kNone if there is none.
  Index first_after(Index at, const Rank& below);
  Index last_before(Index at, const Rank& below);
  Index last_below(Index any, const Rank& below);
  Index last_of(Index any);

  // ---- siblings ----
  // `item` is now the first of its client among those with its origin and right origin.
  void set_sibling(const Item& item, std::uint64_t client);
  void add_sibling(const Item& item, std::uint64_t client);  // unless another one is
  void erase_sibling(const Item& item, std::uint64_t client);
  // The first sibling with the right origin of `item` and a client of at least `client`.
  std::optional<Point> first_sibling(const Item& item, std::uint64_t client) const;

  std::size_t item_count() const { return item_count_; }
  std::size_t memory_bytes() const;
  // Nodes looked at so far: what tests count.
  std::uint64_t steps() const { return steps_; }

 private:
  static constexpr std::uint32_t kFanOut = 32;
  // Children are items in a leaf, else nodes; the rank of a node is the least below it.
  struct Node {
    Index parent = kNone;
    std::uint32_t count = 0;
    bool is_leaf = true;
    std::array<Index, kFanOut> child;
    std::array<Rank, kFanOut> rank;
  };
  struct Siblings {
    Index parent;
    Index key;
    Point origin;
    Point right_origin;
    std::uint64_t client;
    friend auto operator<=>(const Siblings&, const Siblings&) = default;
  };

  static Siblings siblings_of(const Item& item, std::uint64_t client) {
    return {item.parent, item.key, item.origin, item.right_origin, client};
  }
  Index new_node(bool is_leaf);
  std::uint32_t slot_of(const Node& node, Index child) const;
  Rank least(const Node& node) const;
  void adopt(Index node, Index child);
  void insert(Index node, std::uint32_t slot, Index child, const Rank& rank);
  Index split(Index node);
  void remove(Index node, std::uint32_t slot);
  void refresh(Index node);
  Index descend_first(Index node, std::uint32_t slot, const Rank& below);
  Index descend_last(Index node, std::uint32_t slot, const Rank& below);

  std::vector<Index> leaf_;  // by item; kNone: not held
  std::vector<Node> nodes_;
  std::vector<Index> free_nodes_;
  std::map<Siblings, Point> siblings_;
  std::size_t item_count_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace stator::crdt
