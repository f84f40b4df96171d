// The graph of one collection in memory: names, and each node's sorted edges out and in.
//
// Derived from what is stored (README.md) and rebuilt in open. A node exists once an edge named it
// and stays known when its edges go. Weight and properties stay in the store. Belongs to one lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "adjacency/half_edges.h"
#include "adjacency/names.h"

namespace stator::graph {

struct EdgeNames {
  std::string_view from;
  std::string_view label;
  std::string_view to;
};

struct Edge {
  Number from;
  Number label;
  Number to;
};

// The order is that of the choices on the wire.
enum class Direction : std::uint8_t { kOut = 0, kIn = 1, kBoth = 2 };

// Which edges a walk follows. A label that the graph does not know matches nothing.
struct EdgeFilter {
  Direction direction = Direction::kOut;
  bool is_any_label = true;
  Number label = kNoNumber;  // unless is_any_label; kNoNumber: unknown
};

class Graph {
 public:
  Names& nodes() { return nodes_; }
  const Names& nodes() const { return nodes_; }
  Names& labels() { return labels_; }
  const Names& labels() const { return labels_; }
  std::uint64_t edge_count() const { return edge_count_; }
  HalfOrder order() const { return {nodes_, labels_}; }

  // The edge's numbers, if it exists.
  std::optional<Edge> find(const EdgeNames& names) const;
  // Both change adjacency only; the numbers come from nodes() and labels(). False if the edge is
  // there already, or is not there.
  bool put(const Edge& edge);
  bool erase(const Edge& edge);

  // Frees some nodes, the last ones, with their edges out and in; false if none are left. It is
  // good for nothing else then.
  bool shrink(std::size_t at_most);

  // A node's edges as the filter wants them, in (label, neighbour) order;
  // its direction is not looked at.
  HalfEdges::Cursor out(Number node, const EdgeFilter& filter) const;
  HalfEdges::Cursor in(Number node, const EdgeFilter& filter) const;

  // Goes on behind that edge after the graph has changed; the node's cursor gave it.
  HalfEdges::Cursor out_behind(Number node, const Half& half, const EdgeFilter& filter) const {
    return out_[node].behind(half, label_of(filter), order());
  }
  HalfEdges::Cursor in_behind(Number node, const Half& half, const EdgeFilter& filter) const {
    return in_[node].behind(half, label_of(filter), order());
  }
  // Becomes another number with each change.
  std::uint64_t changes() const { return changes_; }

  // visit(neighbour, edge) -> false to stop; a neighbour comes once for each edge. Returns false if
  // stopped. The graph may change during visit(), where an op pauses: an edge that stands all the
  // time is visited, one that comes or goes is or is not.
  template <class Visit>
  bool visit_neighbors(Number node, const EdgeFilter& filter, Visit&& visit) const {
    if (filter.direction != Direction::kIn && !visit_side(out_, node, filter, visit)) return false;
    return filter.direction == Direction::kOut || visit_side(in_, node, filter, visit);
  }

 private:
  static Number label_of(const EdgeFilter& filter) {
    return filter.is_any_label ? kNoNumber : filter.label;
  }
  HalfEdges::Cursor cursor(const std::vector<HalfEdges>& edges, Number node,
                           const EdgeFilter& filter) const;
  template <class Visit>
  bool visit_side(const std::vector<HalfEdges>& edges, Number node, const EdgeFilter& filter,
                  Visit&& visit) const {
    Half half{};
    std::uint64_t changes = changes_;
    for (auto walk = cursor(edges, node, filter); walk.next(half);) {
      const bool is_out = &edges == &out_;
      const Edge edge =
          is_out ? Edge{node, half.label, half.node} : Edge{half.node, half.label, node};
      if (!visit(half.node, edge)) return false;
      if (changes_ == changes) continue;
      changes = changes_;
      walk = edges[node].behind(half, label_of(filter), order());
    }
    return true;
  }

  Names nodes_;
  Names labels_;
  std::vector<HalfEdges> out_;  // by node; may be shorter than nodes_
  std::vector<HalfEdges> in_;
  std::uint64_t edge_count_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace stator::graph
