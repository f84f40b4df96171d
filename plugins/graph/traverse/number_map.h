// Number -> u32 for the nodes of one walk: open addressing with linear probing (Knuth, TAOCP 6.4,
// algorithm L). Its cost follows the walk, not the size of the graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adjacency/names.h"

namespace stator::graph {

class NumberMap {
 public:
  NumberMap() : slots_(kSlotsAtFirst) {}

  // False, and nothing changes, if the key is there. `key` is not kNoNumber.
  bool insert(Number key, std::uint32_t value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = slots_[find_slot(key)];
    if (slot.key == key) return false;
    slot = {key, value};
    ++size_;
    return true;
  }
  // kNoNumber if the key is not there.
  std::uint32_t find(Number key) const {
    const Slot& slot = slots_[find_slot(key)];
    return slot.key == key ? slot.value : kNoNumber;
  }
  bool contains(Number key) const { return slots_[find_slot(key)].key == key; }

 private:
  struct Slot {
    Number key = kNoNumber;
    std::uint32_t value = kNoNumber;
  };
  static constexpr std::size_t kSlotsAtFirst = 64;

  // The key's slot, or the free one where it belongs. Fibonacci hashing spreads dense numbers.
  std::size_t find_slot(Number key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (key * std::uint64_t{0x9E3779B97F4A7C15} >> 32) & mask;
    while (slots_[at].key != key && slots_[at].key != kNoNumber) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kNoNumber) slots_[find_slot(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace stator::graph
