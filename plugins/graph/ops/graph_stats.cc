// graph_stats: how large a graph is.
#include "ops/ops.h"

namespace stator::graph {
namespace {

Status read(const GraphEngine& engine, const Request& request, Reply& reply) {
  const Graph& graph = engine.graph(request);
  reply.json()
      .begin_object()
      .field("nodes", std::uint64_t{graph.nodes().size()})
      .field("edges", graph.edge_count())
      .field("labels", std::uint64_t{graph.labels().size()})
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
                           "name or ever named.",
                    .result = R"({"nodes":u64,"edges":u64,"labels":u64})",
                    .example = R"({"op":"graph_stats","collection":"notes"})"}),
    .read = read};

}  // namespace stator::graph
