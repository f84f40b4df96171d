// The structs of one client in the order of their clocks.
//
// Blocks of at most kBlockEntries entries: splitting an item in the middle of a long history moves
// one block, not the history.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace stator::crdt {

struct ClockEntry {
  std::uint32_t clock;
  std::uint32_t item;
};

class ClockIndex {
 public:
  struct Position {
    std::uint32_t block = 0;
    std::uint32_t slot = 0;
  };

  bool empty() const { return blocks_.empty(); }
  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const {
    return size_ * sizeof(ClockEntry) * 3 / 2 + blocks_.size() * sizeof(Block);
  }
  const ClockEntry& at(Position p) const { return blocks_[p.block][p.slot]; }
  std::size_t count_from(Position p) const {
    std::size_t count = 0;
    for (std::size_t block = p.block; block < blocks_.size(); ++block)
      count += blocks_[block].size();
    return count - p.slot;
  }
  bool is_end(Position p) const { return p.block == blocks_.size(); }
  bool is_first(Position p) const { return p.block == 0 && p.slot == 0; }
  Position next(Position p) const {
    return p.slot + 1 < blocks_[p.block].size() ? Position{p.block, p.slot + 1}
                                                : Position{p.block + 1, 0};
  }
  // p must not be the first.
  Position previous(Position p) const {
    if (p.slot > 0) return {p.block, p.slot - 1};
    return {p.block - 1, static_cast<std::uint32_t>(blocks_[p.block - 1].size()) - 1};
  }
  // The entry that holds `clock`: the last that does not start behind it. Must not be empty, and
  // clock not lie before the first.
  Position find(std::uint32_t clock) const {
    std::uint32_t block = static_cast<std::uint32_t>(blocks_.size()) - 1;
    if (blocks_[block].front().clock > clock) {
      const auto above = std::upper_bound(
          blocks_.begin(), blocks_.end(), clock,
          [](std::uint32_t value, const Block& b) { return value < b.front().clock; });
      block = static_cast<std::uint32_t>(above - blocks_.begin()) - 1;
    }
    const Block& entries = blocks_[block];
    if (entries.back().clock <= clock) {
      return {block, static_cast<std::uint32_t>(entries.size()) - 1};
    }
    const auto above =
        std::upper_bound(entries.begin(), entries.end(), clock,
                         [](std::uint32_t value, const ClockEntry& e) { return value < e.clock; });
    return {block, static_cast<std::uint32_t>(above - entries.begin()) - 1};
  }
  void push_back(ClockEntry entry) {
    if (blocks_.empty() || blocks_.back().size() >= kBlockEntries) blocks_.emplace_back();
    blocks_.back().push_back(entry);
    ++size_;
  }
  void insert_after(Position p, ClockEntry entry);
  // Positions behind p are void afterwards, p itself is the next entry's or the end of its block.
  void erase(Position p);

 private:
  using Block = std::vector<ClockEntry>;
  static constexpr std::size_t kBlockEntries = 256;

  std::vector<Block> blocks_;
  std::size_t size_ = 0;
};

}  // namespace stator::crdt
