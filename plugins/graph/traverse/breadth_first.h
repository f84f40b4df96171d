// Breadth-first walk from several nodes at once, level by level.
//
// Levels are walked in name order and a node's edges in (label, name) order, so that also what a
// limit cuts off depends on the data alone, not on the order in which it was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stator/engine.hpp"

#include "adjacency/graph.h"

namespace stator::graph {

struct WalkLimits {
  std::uint32_t depth;        // hops
  std::uint64_t visited_max;  // nodes, start nodes among them; start nodes are never cut off
  std::uint64_t rows_wanted;  // no further level once more than this many are reached
};

struct Walk {
  // By hop, then name; level h begins at levels[h], and levels.back() == nodes.size().
  std::vector<Number> nodes;
  std::vector<std::size_t> levels;
  bool is_truncated = false;  // visited_max left a node out
  bool was_interrupted = false;
};

// Goes along edges that the caller may see. `starts` may repeat.
Walk breadth_first(const Graph& graph, const std::vector<Number>& starts, const EdgeFilter& filter,
                   const WalkLimits& limits, const Request& request);

}  // namespace stator::graph
