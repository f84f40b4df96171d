#include "doc/conflict_index.h"

#include <algorithm>

namespace stator::crdt {

// ---- reading ----

std::uint32_t ConflictIndex::slot_of(const Node& node, Index child) const {
  return static_cast<std::uint32_t>(
      std::find(node.child.begin(), node.child.begin() + node.count, child) - node.child.begin());
}

ConflictIndex::Rank ConflictIndex::least(const Node& node) const {
  return *std::min_element(node.rank.begin(), node.rank.begin() + node.count);
}

std::uint64_t ConflictIndex::depth(Index item) const {
  const Node& leaf = nodes_[leaf_[item]];
  return leaf.rank[slot_of(leaf, item)].depth;
}

Index ConflictIndex::descend_first(Index index, std::uint32_t slot, const Rank& below) {
  while (!nodes_[index].is_leaf) {
    index = nodes_[index].child[slot];
    const auto& rank = nodes_[index].rank;
    slot = 0;
    while (!(rank[slot] < below)) ++slot;
    ++steps_;
  }
  return nodes_[index].child[slot];
}

Index ConflictIndex::descend_last(Index index, std::uint32_t slot, const Rank& below) {
  while (!nodes_[index].is_leaf) {
    index = nodes_[index].child[slot];
    const auto& rank = nodes_[index].rank;
    slot = nodes_[index].count - 1;
    while (!(rank[slot] < below)) --slot;
    ++steps_;
  }
  return nodes_[index].child[slot];
}

Index ConflictIndex::first_after(Index at, const Rank& below) {
  Index child = at;
  for (Index index = leaf_[at]; index != kNone; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    ++steps_;
    for (std::uint32_t slot = slot_of(node, child) + 1; slot < node.count; ++slot) {
      if (node.rank[slot] < below) return descend_first(index, slot, below);
    }
    child = index;
  }
  return kNone;
}

Index ConflictIndex::last_before(Index at, const Rank& below) {
  Index child = at;
  for (Index index = leaf_[at]; index != kNone; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    ++steps_;
    for (std::uint32_t slot = slot_of(node, child); slot-- > 0;) {
      if (node.rank[slot] < below) return descend_last(index, slot, below);
    }
    child = index;
  }
  return kNone;
}

Index ConflictIndex::last_below(Index any, const Rank& below) {
  Index root = leaf_[any];
  for (; nodes_[root].parent != kNone; root = nodes_[root].parent) ++steps_;
  const Node& node = nodes_[root];
  for (std::uint32_t slot = node.count; slot-- > 0;) {
    if (node.rank[slot] < below) return descend_last(root, slot, below);
  }
  return kNone;
}

Index ConflictIndex::last_of(Index any) {
  constexpr std::uint64_t kTop = ~std::uint64_t{0};
  return last_below(any, {kTop, kTop});
}

// ---- changing ----

Index ConflictIndex::new_node(bool is_leaf) {
  Index index = static_cast<Index>(nodes_.size());
  if (!free_nodes_.empty()) {
    index = free_nodes_.back();
    free_nodes_.pop_back();
  } else {
    nodes_.emplace_back();
  }
  Node& node = nodes_[index];
  node.parent = kNone;
  node.count = 0;
  node.is_leaf = is_leaf;
  return index;
}

void ConflictIndex::adopt(Index node, Index child) {
  if (!nodes_[node].is_leaf) {
    nodes_[child].parent = node;
    return;
  }
  if (child >= leaf_.size())
    leaf_.resize(std::max<std::size_t>(child + 1, leaf_.size() * 2), kNone);
  leaf_[child] = node;
}

// The rank of the node as its ancestors have it, after a change within it.
void ConflictIndex::refresh(Index index) {
  while (nodes_[index].parent != kNone) {
    const Rank rank = least(nodes_[index]);
    Node& parent = nodes_[nodes_[index].parent];
    Rank& known = parent.rank[slot_of(parent, index)];
    ++steps_;
    if (known == rank) return;
    known = rank;
    index = nodes_[index].parent;
  }
}

// Moves the upper half of a full node into a new one behind it; returns that one.
Index ConflictIndex::split(Index index) {
  const Index upper = new_node(nodes_[index].is_leaf);
  constexpr std::uint32_t kHalf = kFanOut / 2;
  Node& from = nodes_[index];
  Node& to = nodes_[upper];
  std::copy(from.child.begin() + kHalf, from.child.end(), to.child.begin());
  std::copy(from.rank.begin() + kHalf, from.rank.end(), to.rank.begin());
  from.count = kHalf;
  to.count = kFanOut - kHalf;
  for (std::uint32_t i = 0; i < kFanOut - kHalf; ++i) adopt(upper, nodes_[upper].child[i]);
  if (nodes_[index].parent == kNone) {
    const Index root = new_node(false);
    insert(root, 0, index, least(nodes_[index]));
  }
  refresh(index);
  const Index parent = nodes_[index].parent;
  insert(parent, slot_of(nodes_[parent], index) + 1, upper, least(nodes_[upper]));
  return upper;
}

void ConflictIndex::insert(Index index, std::uint32_t slot, Index child, const Rank& rank) {
  if (nodes_[index].count == kFanOut) {
    const Index upper = split(index);
    if (slot > nodes_[index].count) {
      slot -= nodes_[index].count;
      index = upper;
    }
  }
  Node& node = nodes_[index];
  std::copy_backward(node.child.begin() + slot, node.child.begin() + node.count,
                     node.child.begin() + node.count + 1);
  std::copy_backward(node.rank.begin() + slot, node.rank.begin() + node.count,
                     node.rank.begin() + node.count + 1);
  node.child[slot] = child;
  node.rank[slot] = rank;
  ++node.count;
  adopt(index, child);
  refresh(index);
}

void ConflictIndex::start(Index first, const Rank& rank) {
  ++item_count_;
  insert(new_node(true), 0, first, rank);
}

void ConflictIndex::insert_after(Index at, Index item, const Rank& rank) {
  ++item_count_;
  insert(leaf_[at], slot_of(nodes_[leaf_[at]], at) + 1, item, rank);
}

void ConflictIndex::insert_before(Index at, Index item, const Rank& rank) {
  ++item_count_;
  insert(leaf_[at], slot_of(nodes_[leaf_[at]], at), item, rank);
}

void ConflictIndex::remove(Index index, std::uint32_t slot) {
  Node& node = nodes_[index];
  std::copy(node.child.begin() + slot + 1, node.child.begin() + node.count,
            node.child.begin() + slot);
  std::copy(node.rank.begin() + slot + 1, node.rank.begin() + node.count, node.rank.begin() + slot);
  --node.count;
}

void ConflictIndex::erase(Index item) {
  --item_count_;
  Index index = leaf_[item];
  leaf_[item] = kNone;
  remove(index, slot_of(nodes_[index], item));
  // Thin nodes stay, empty ones go: the height is that of the largest list there ever was.
  while (nodes_[index].count == 0) {
    const Index parent = nodes_[index].parent;
    free_nodes_.push_back(index);
    if (parent == kNone) return;
    remove(parent, slot_of(nodes_[parent], index));
    index = parent;
  }
  refresh(index);
}

// ---- siblings ----

void ConflictIndex::set_sibling(const Item& item, std::uint64_t client) {
  siblings_.insert_or_assign(siblings_of(item, client), item.id);
}

void ConflictIndex::add_sibling(const Item& item, std::uint64_t client) {
  siblings_.try_emplace(siblings_of(item, client), item.id);
}

void ConflictIndex::erase_sibling(const Item& item, std::uint64_t client) {
  siblings_.erase(siblings_of(item, client));
}

std::optional<Point> ConflictIndex::first_sibling(const Item& item, std::uint64_t client) const {
  const auto found = siblings_.lower_bound(siblings_of(item, client));
  if (found == siblings_.end()) return std::nullopt;
  const Siblings same = siblings_of(item, found->first.client);
  return found->first == same ? std::optional(found->second) : std::nullopt;
}

std::size_t ConflictIndex::memory_bytes() const {
  constexpr std::size_t kTreeNodeBytes = 40;
  return leaf_.capacity() * sizeof(Index) + nodes_.capacity() * sizeof(Node) +
         siblings_.size() * (sizeof(Siblings) + sizeof(Point) + kTreeNodeBytes);
}

}  // namespace stator::crdt
