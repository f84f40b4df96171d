#include "traverse/breadth_first.h"

#include <utility>

#include "traverse/interrupt_check.h"
#include "traverse/name_sort.h"
#include "traverse/number_map.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

class Walker {
 public:
  Walker(const Graph& graph, const EdgeFilter& filter, const WalkLimits& limits,
         const Request& request)
      : graph_(graph), filter_(filter), limits_(limits), interrupt_(request), edges_(request) {}

  Walk run(const std::vector<Number>& starts) {
    walk_.levels.push_back(0);
    for (const Number start : starts) {
      if (seen_.insert(start, 0)) level_.push_back(start);
    }
    bool goes_on = finish_level();
    for (std::uint32_t hop = 1; goes_on && hop <= limits_.depth; ++hop) {
      if (walk_.nodes.size() > limits_.rows_wanted) break;
      goes_on = expand_last_level();
      // Also a level that a limit cut short is part of the answer.
      goes_on = finish_level() && goes_on;
    }
    walk_.was_interrupted = interrupt_.is_interrupted_now();
    return std::move(walk_);
  }

 private:
  // Collects the next level in level_; false if the walk ends with it.
  bool expand_last_level() {
    const std::size_t begin = walk_.levels[walk_.levels.size() - 2];
    for (std::size_t i = begin; i < walk_.nodes.size(); ++i) {
      if (interrupt_.is_interrupted()) return false;
      const auto visit = [this](Number neighbor, const Edge& edge) {
        return reach(neighbor, edge);
      };
      if (!graph_.visit_neighbors(walk_.nodes[i], filter_, visit)) return false;
    }
    return true;
  }
  bool reach(Number node, const Edge& edge) {
    if (interrupt_.is_interrupted()) return false;
    if (seen_.contains(node) || !edges_.shows(edge, interrupt_)) return true;
    if (walk_.nodes.size() + level_.size() >= limits_.visited_max) {
      walk_.is_truncated = true;
      return false;
    }
    seen_.insert(node, 0);
    level_.push_back(node);
    return true;
  }
  // Moves level_ into the walk; false if there is nothing to go on from.
  bool finish_level() {
    if (level_.empty() || !sort_by_name(level_, graph_.nodes(), interrupt_)) return false;
    walk_.nodes.insert(walk_.nodes.end(), level_.begin(), level_.end());
    walk_.levels.push_back(walk_.nodes.size());
    level_.clear();
    return true;
  }

  const Graph& graph_;
  const EdgeFilter filter_;
  const WalkLimits limits_;
  InterruptCheck interrupt_;
  VisibleEdges edges_;
  NumberMap seen_;
  std::vector<Number> level_;
  Walk walk_;
};

}  // namespace

Walk breadth_first(const Graph& graph, const std::vector<Number>& starts, const EdgeFilter& filter,
                   const WalkLimits& limits, const Request& request) {
  return Walker(graph, filter, limits, request).run(starts);
}

}  // namespace stator::graph
