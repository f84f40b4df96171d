// The shortest path between two nodes by number of edges; of several the one whose ids come first,
// compared node by node.
//
// Distances are found breadth-first from the end backwards; then the path is walked from its start,
// each time to the first name among the neighbours that are one nearer. That needs no sorting, and
// a greedy choice at each step is the lexicographic minimum.
#pragma once

#include <cstdint>
#include <vector>

#include "stator/engine.hpp"

#include "adjacency/graph.h"

namespace stator::graph {

struct PathEnds {
  Number from;
  Number to;
};

struct Path {
  std::vector<Number> nodes;  // both ends included; empty if there is none within max_depth edges
  bool was_interrupted = false;
  bool was_changed = false;  // the graph, under the walk: no path was found that stood all the time
};

// Goes along edges that the caller may see.
Path shortest_path(const Graph& graph, const PathEnds& ends, const EdgeFilter& filter,
                   std::uint32_t max_depth, const Request& request);

}  // namespace stator::graph
