#include "codec/delete_set.h"

#include <algorithm>

namespace stator::crdt {

void normalize(std::vector<ClockRange>& ranges) {
  if (ranges.size() < 2) return;
  std::sort(ranges.begin(), ranges.end(),
            [](const ClockRange& a, const ClockRange& b) { return a.clock < b.clock; });
  std::size_t last = 0;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[last].end() >= ranges[i].clock) {
      ranges[last].length = std::max(ranges[last].end(), ranges[i].end()) - ranges[last].clock;
    } else {
      ranges[++last] = ranges[i];
    }
  }
  ranges.resize(last + 1);
}

void add_deletes(const Update& update, DeleteSet& out) {
  for (const Update::Section& section : update.deletes) {
    auto& ranges = out[section.client];
    const auto first = update.ranges.begin() + section.first;
    ranges.insert(ranges.end(), first, first + section.count);
  }
}

void write_delete_set(ByteWriter& out, const DeleteSet& set) {
  out.var_uint(set.size());
  for (const auto& [client, ranges] : set) {
    out.var_uint(client);
    out.var_uint(ranges.size());
    for (const ClockRange& range : ranges) {
      out.var_uint(range.clock);
      out.var_uint(range.length);
    }
  }
}

const char* decode_state_vector(std::string_view bytes, StateVector& out) {
  ByteReader reader(bytes);
  std::uint64_t count = 0;
  reader.var_uint(count);
  for (std::uint64_t i = 0; i < count && reader.error() == nullptr; ++i) {
    std::uint64_t client = 0;
    std::uint64_t clock = 0;
    if (reader.var_uint(client) && reader.var_uint(clock)) out[client] = clock;
  }
  if (reader.error() != nullptr) return "a state vector is a count and pairs of client and clock";
  return reader.left() == 0 ? nullptr : "bytes stand behind the state vector";
}

}  // namespace stator::crdt
