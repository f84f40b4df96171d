// One node's edges of one direction, sorted by (label name, neighbour name).
//
// Sorted runs of bounded length, as the leaves of a B+ tree under one root (Bayer and McCreight
// 1972): a change moves at most one run and, when it splits, the root, so that a hub of a million
// edges loads in reasonable time; most nodes have one run.
#pragma once

#include <cstddef>
#include <vector>

#include "adjacency/names.h"

namespace stator::graph {

struct Half {
  Number label;
  Number node;  // the other end
};
inline bool operator==(const Half& a, const Half& b) {
  return a.label == b.label && a.node == b.node;
}

// The order of names, not of numbers: what clients see must not depend on who came first.
struct HalfOrder {
  const Names& nodes;
  const Names& labels;
  bool operator()(const Half& a, const Half& b) const {
    if (a.label != b.label) return labels.name(a.label) < labels.name(b.label);
    return a.node != b.node && nodes.name(a.node) < nodes.name(b.node);
  }
};

class HalfEdges {
 public:
  struct Position {
    std::size_t run;
    std::size_t at;
  };
  // Walks in order; void after a change.
  class Cursor {
   public:
    Cursor(const HalfEdges& edges, Position position, Number only_label)
        : edges_(&edges), position_(position), only_label_(only_label) {}
    bool next(Half& half);

   private:
    const HalfEdges* edges_;
    Position position_;
    Number only_label_;  // ends behind this label; kNoNumber: at the last edge
  };

  // False if it is there already.
  bool insert(const Half& half, const HalfOrder& order);
  // False if it is not there.
  bool erase(const Half& half, const HalfOrder& order);
  bool contains(const Half& half, const HalfOrder& order) const;

  Cursor all() const { return {*this, {0, 0}, kNoNumber}; }
  Cursor of_label(Number label, const HalfOrder& order) const;
  // Behind `half`, whether it is here or not; with a label, to the end of that.
  Cursor behind(const Half& half, Number only_label, const HalfOrder& order) const;

 private:
  // The first edge that is not `before`; before must hold for a prefix of the order.
  template <class Before>
  Position first_not(Before&& before) const;
  bool is_at(const Position& position, const Half& half) const;

  std::vector<std::vector<Half>> runs_;  // none is empty
};

}  // namespace stator::graph
