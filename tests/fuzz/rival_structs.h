// Whether updates contradict each other: then what comes twice may change something.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "codec/update.h"

namespace stator::crdt {

// Structs of one client that overlap and are not the same: two ways to write one element, as no
// editor does. As in yjs, the way that can go in first counts, so that a copy of an update which
// was passed over may go in when it comes again.
inline bool has_rivals(std::span<const Update> updates) {
  using Written = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t, std::string_view>;
  std::vector<Written> all;
  for (const Update& update : updates) {
    for (const Update::Section& section : update.structs) {
      for (std::uint32_t i = 0; i < section.count; ++i) {
        const StructRef& ref = update.refs[section.first + i];
        if (ref.kind() == ContentKind::kSkip) continue;
        all.emplace_back(section.client, ref.clock, ref.end(),
                         update.bytes.substr(ref.begin, ref.bytes));
      }
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return std::adjacent_find(all.begin(), all.end(), [](const Written& a, const Written& b) {
           return std::get<0>(a) == std::get<0>(b) && std::get<2>(a) > std::get<1>(b);
         }) != all.end();
}

}  // namespace stator::crdt
