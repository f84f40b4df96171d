// Deleted ranges of elements that have not come yet.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "codec/delete_set.h"
#include "codec/update.h"

namespace stator::crdt {

class WaitingDeletes {
 public:
  // O(log n), amortised: ranges that touch or overlap become one.
  void add(std::uint64_t client, ClockRange range);
  // Takes out what lies below `state`, ascending: O(log n) each.
  std::vector<ClockRange> take_below(std::uint64_t client, std::uint32_t state);

  bool empty() const { return clients_.empty(); }
  // Ranges.
  std::size_t parts() const { return parts_; }
  std::size_t bytes() const { return parts_ * sizeof(ClockRange); }
  DeleteSet delete_set() const;
  // Ranges looked at so far: what tests count.
  std::uint64_t steps() const { return steps_; }

 private:
  using Ranges = std::map<std::uint32_t, std::uint32_t>;  // first clock -> end; none touch

  std::map<std::uint64_t, Ranges, std::greater<>> clients_;
  std::size_t parts_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace stator::crdt
