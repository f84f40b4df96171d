#include "doc/waiting_deletes.h"

#include <algorithm>
#include <iterator>

namespace stator::crdt {

void WaitingDeletes::add(std::uint64_t client, ClockRange range) {
  Ranges& ranges = clients_[client];
  std::uint32_t first = range.clock;
  std::uint32_t end = range.end();
  auto next = ranges.upper_bound(first);
  if (next != ranges.begin() && std::prev(next)->second >= first) {
    --next;
    first = next->first;
  }
  while (next != ranges.end() && next->first <= end) {
    ++steps_;
    end = std::max(end, next->second);
    next = ranges.erase(next);
    --parts_;
  }
  ranges.emplace_hint(next, first, end);
  ++parts_;
  ++steps_;
}

std::vector<ClockRange> WaitingDeletes::take_below(std::uint64_t client, std::uint32_t state) {
  std::vector<ClockRange> out;
  const auto found = clients_.find(client);
  if (found == clients_.end()) return out;
  Ranges& ranges = found->second;
  while (!ranges.empty() && ranges.begin()->first < state) {
    const auto [first, end] = *ranges.begin();
    ++steps_;
    out.push_back({first, std::min(end, state) - first});
    ranges.erase(ranges.begin());
    --parts_;
    if (end <= state) continue;
    ranges.emplace_hint(ranges.begin(), state, end);
    ++parts_;
  }
  if (ranges.empty()) clients_.erase(found);
  return out;
}

DeleteSet WaitingDeletes::delete_set() const {
  DeleteSet out;
  for (const auto& [client, ranges] : clients_) {
    std::vector<ClockRange>& list = out[client];
    for (const auto& [first, end] : ranges) list.push_back({first, end - first});
  }
  return out;
}

}  // namespace stator::crdt
