// Which edges row policies let the caller see, and write. The row of an edge is the object of its
// properties; one without properties is a row without fields.
//
// A node has no row of its own: it is there for whoever sees one of its edges. Rows are read as
// they were when the request began, so an edge that came during a pause is not seen where policies
// bind.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "stator/engine.hpp"
#include "stator/packed/encode.hpp"

#include "adjacency/graph.h"
#include "traverse/interrupt_check.h"

namespace stator::graph {

class VisibleEdges {
 public:
  explicit VisibleEdges(const Request& request) : kv_(request.kv()), rows_(request.rows()) {}

  // False: no policy binds the caller, everything is visible and writable.
  bool is_bound() const { return rows_.is_bound(); }
  // What it costs is added to the interrupt's steps.
  bool shows(const Edge& edge, InterruptCheck& interrupt) {
    return !is_bound() || shows_stored(edge, interrupt);
  }
  // `properties`: text of a JSON object, or empty.
  bool shows(std::string_view properties) {
    return !is_bound() || (pack(properties) && rows_.is_visible(row_));
  }
  // What shows() costs, in steps of a walk.
  std::size_t cost_of(std::string_view properties) const;
  // One of the node's edges is visible. False where the interrupt said to stop.
  bool shows_node(const Graph& graph, Number node, InterruptCheck& interrupt);

  // Before the edge is put, if `properties` are given, or removed: rejected_authz where it is there
  // and hidden, must not be written, or must not become this. `stored` is the edge, if it exists.
  Status check_write(const std::optional<Edge>& stored, std::optional<std::string_view> properties);

 private:
  bool shows_stored(const Edge& edge, InterruptCheck& interrupt);
  // Makes row_ of them. False for what no row can be made of, which nobody sees.
  bool pack(std::string_view properties);
  std::optional<std::string_view> stored_properties(const Edge& edge) const;

  Kv kv_;
  Rows rows_;
  packed::Encoder encoder_;
  std::string row_;
};

}  // namespace stator::graph
