#include "adjacency/graph.h"

namespace stator::graph {
namespace {

const HalfEdges kNoEdges;

}  // namespace

std::optional<Edge> Graph::find(const EdgeNames& names) const {
  const Edge edge = {nodes_.find(names.from), labels_.find(names.label), nodes_.find(names.to)};
  if (edge.from == kNoNumber || edge.label == kNoNumber || edge.to == kNoNumber) {
    return std::nullopt;
  }
  if (edge.from >= out_.size() || !out_[edge.from].contains({edge.label, edge.to}, order())) {
    return std::nullopt;
  }
  return edge;
}

bool Graph::put(const Edge& edge) {
  if (out_.size() < nodes_.size()) {
    out_.resize(nodes_.size());
    in_.resize(nodes_.size());
  }
  if (!out_[edge.from].insert({edge.label, edge.to}, order())) return false;
  in_[edge.to].insert({edge.label, edge.from}, order());
  ++edge_count_;
  ++changes_;
  return true;
}

bool Graph::erase(const Edge& edge) {
  if (edge.from >= out_.size() || edge.to >= in_.size()) return false;
  if (!out_[edge.from].erase({edge.label, edge.to}, order())) return false;
  in_[edge.to].erase({edge.label, edge.from}, order());
  --edge_count_;
  ++changes_;
  return true;
}

bool Graph::shrink(std::size_t at_most) {
  ++changes_;
  for (; at_most > 0 && nodes_.size() > 0; --at_most) {
    nodes_.pop();
    if (out_.size() > nodes_.size()) {
      out_.pop_back();
      in_.pop_back();
    }
  }
  return nodes_.size() > 0;
}

HalfEdges::Cursor Graph::cursor(const std::vector<HalfEdges>& edges, Number node,
                                const EdgeFilter& filter) const {
  const bool matches_nothing = !filter.is_any_label && filter.label == kNoNumber;
  if (matches_nothing || node >= edges.size()) return kNoEdges.all();
  return filter.is_any_label ? edges[node].all() : edges[node].of_label(filter.label, order());
}

HalfEdges::Cursor Graph::out(Number node, const EdgeFilter& filter) const {
  return cursor(out_, node, filter);
}

HalfEdges::Cursor Graph::in(Number node, const EdgeFilter& filter) const {
  return cursor(in_, node, filter);
}

}  // namespace stator::graph
