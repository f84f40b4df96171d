#include "traverse/shortest_path.h"

#include "traverse/interrupt_check.h"
#include "traverse/number_map.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

EdgeFilter reversed(EdgeFilter filter) {
  switch (filter.direction) {
    case Direction::kOut:
      filter.direction = Direction::kIn;
      break;
    case Direction::kIn:
      filter.direction = Direction::kOut;
      break;
    case Direction::kBoth:
      break;
  }
  return filter;
}

class PathFinder {
 public:
  PathFinder(const Graph& graph, const EdgeFilter& filter, const Request& request)
      : graph_(graph), filter_(filter), interrupt_(request), edges_(request) {}

  Path run(const PathEnds& ends, std::uint32_t max_depth) {
    Path path;
    if (measure(ends, max_depth)) {
      path.nodes = walk(ends.from);
      path.was_changed = path.nodes.empty();
    }
    path.was_interrupted = interrupt_.is_interrupted_now();
    return path;
  }

 private:
  // Distances to ends.to, of all nodes nearer than ends.from; false if that one is not reached.
  bool measure(const PathEnds& ends, std::uint32_t max_depth) {
    const EdgeFilter backwards = reversed(filter_);
    distances_.insert(ends.to, 0);
    bool is_found = ends.from == ends.to;
    std::vector<Number> level = {ends.to};
    std::vector<Number> next;
    for (std::uint32_t distance = 1; !is_found && distance <= max_depth; ++distance) {
      const auto visit = [&](Number node, const Edge& edge) {
        if (interrupt_.is_interrupted()) return false;
        if (distances_.contains(node) || !edges_.shows(edge, interrupt_)) return true;
        distances_.insert(node, distance);
        next.push_back(node);
        is_found = node == ends.from;
        return !is_found;
      };
      for (const Number node : level) {
        if (interrupt_.is_interrupted()) return false;
        if (!graph_.visit_neighbors(node, backwards, visit)) break;
      }
      level.swap(next);
      next.clear();
      if (level.empty()) break;
    }
    return is_found;
  }

  std::vector<Number> walk(Number node) {
    std::vector<Number> nodes = {node};
    for (std::uint32_t left = distances_.find(node); left > 0; --left) {
      Number nearest = kNoNumber;
      const bool is_complete =
          graph_.visit_neighbors(node, filter_, [&](Number neighbor, const Edge& edge) {
            if (distances_.find(neighbor) == left - 1 && comes_first(neighbor, nearest) &&
                edges_.shows(edge, interrupt_)) {
              nearest = neighbor;
            }
            return !interrupt_.is_interrupted();
          });
      // An edge that was there when distances were measured is gone.
      if (!is_complete || nearest == kNoNumber) return {};
      nodes.push_back(node = nearest);
    }
    return nodes;
  }
  bool comes_first(Number node, Number other) const {
    return other == kNoNumber || graph_.nodes().name(node) < graph_.nodes().name(other);
  }

  const Graph& graph_;
  const EdgeFilter filter_;
  InterruptCheck interrupt_;
  VisibleEdges edges_;
  NumberMap distances_;
};

}  // namespace

Path shortest_path(const Graph& graph, const PathEnds& ends, const EdgeFilter& filter,
                   std::uint32_t max_depth, const Request& request) {
  return PathFinder(graph, filter, request).run(ends, max_depth);
}

}  // namespace stator::graph
