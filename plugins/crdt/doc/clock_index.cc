#include "doc/clock_index.h"

namespace stator::crdt {

void ClockIndex::insert_after(Position p, ClockEntry entry) {
  Block& block = blocks_[p.block];
  block.insert(block.begin() + p.slot + 1, entry);
  ++size_;
  if (block.size() <= kBlockEntries) return;
  const auto middle = block.begin() + static_cast<std::ptrdiff_t>(block.size() / 2);
  Block upper(middle, block.end());
  block.erase(middle, block.end());
  blocks_.insert(blocks_.begin() + p.block + 1, std::move(upper));
}

void ClockIndex::erase(Position p) {
  Block& block = blocks_[p.block];
  block.erase(block.begin() + p.slot);
  --size_;
  if (block.empty()) {
    blocks_.erase(blocks_.begin() + p.block);
    return;
  }
  // A thin block joins its left neighbour, so that erasing leaves no trail of tiny blocks.
  if (p.block == 0 || block.size() > kBlockEntries / 8) return;
  Block& left = blocks_[p.block - 1];
  if (left.size() + block.size() > kBlockEntries) return;
  left.insert(left.end(), block.begin(), block.end());
  blocks_.erase(blocks_.begin() + p.block);
}

}  // namespace stator::crdt
