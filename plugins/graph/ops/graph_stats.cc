// graph_stats: how large a graph is.
#include <stdexcept>
#include <vector>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/interrupt_check.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

struct Sizes {
  std::uint64_t nodes = 0;
  std::uint64_t edges = 0;
  std::uint64_t labels = 0;
};

// Counts it if it has not been counted. A number that came during a pause is in no edge that is
// seen.
void note(std::vector<bool>& seen, Number number, std::uint64_t& count) {
  if (number >= seen.size() || seen[number]) return;
  seen[number] = true;
  ++count;
}

// What the edges that the caller may see name; false if interrupted.
bool count_visible(const Graph& graph, const Request& request, VisibleEdges& edges, Sizes& sizes) {
  InterruptCheck interrupt(request);
  std::vector<bool> nodes(graph.nodes().size());
  std::vector<bool> labels(graph.labels().size());
  for (Cursor cursor = request.kv().scan(kSpaceEdges); cursor.next();) {
    if (interrupt.is_interrupted()) return false;
    const auto edge = decode_edge_key(cursor.key());
    const auto value = decode_edge_value(cursor.value());
    if (!edge || !value) throw std::runtime_error("graph: a stored edge is damaged");
    interrupt.spend(edges.cost_of(value->properties));
    if (!edges.shows(value->properties)) continue;
    ++sizes.edges;
    note(nodes, edge->from, sizes.nodes);
    note(nodes, edge->to, sizes.nodes);
    note(labels, edge->label, sizes.labels);
  }
  return !interrupt.is_interrupted_now();
}

Status read(const GraphEngine& engine, const Request& request, Reply& reply) {
  const Graph& graph = engine.graph(request);
  VisibleEdges edges(request);
  Sizes sizes = {graph.nodes().size(), graph.edge_count(), graph.labels().size()};
  if (edges.is_bound()) {
    sizes = {};
    if (!count_visible(graph, request, edges, sizes)) return fail_interrupted(reply);
  }
  reply.json()
      .begin_object()
      .field("nodes", sizes.nodes)
      .field("edges", sizes.edges)
      .field("labels", sizes.labels)
      .end_object();
  return STATOR_OK;
}

}  // namespace

const Op<GraphEngine> kGraphStats = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = "graph_stats",
                    .doc = "How many edges a graph has, and how many nodes and labels its edges "
                           "name or ever named; where row policies bind, of the visible edges "
                           "alone.",
                    .result = R"({"nodes":u64,"edges":u64,"labels":u64})",
                    .example = R"({"op":"graph_stats","collection":"notes"})",
                    .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::graph
