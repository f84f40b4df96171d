// graph_hop: the nodes within some hops of the start nodes.
#include <algorithm>
#include <vector>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/breadth_first.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

enum : std::size_t { kStartNodes, kDepth, kEdgeLabel, kDirection, kLimit, kMaxVisited };
constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_STRVEC, "start_nodes",
             "Where to begin; nodes no edge names are passed over.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 1000}),
    make_arg(STATOR_ARG_U64, "depth", "How many hops to go at most.",
             {.flags = STATOR_ARG_DEPTH, .min = 0, .max = 64, .default_json = "2"}),
    kEdgeLabelArg,
    kDirectionArg,
    make_arg(STATOR_ARG_U64, "limit", "How many rows to answer at most.",
             {.min = 1, .max = 10'000, .default_json = "1000"}),
    make_arg(STATOR_ARG_U64, "max_visited",
             "How many nodes to visit at most; start nodes count but are always visited.",
             {.min = 1, .max = 1'000'000, .default_json = "100000"})};

// Those that are there for the caller.
std::vector<Number> start_nodes(const Graph& graph, const Request& request) {
  const Args args = request.args();
  VisibleEdges edges(request);
  InterruptCheck interrupt(request);
  std::vector<Number> starts;
  for (std::size_t i = 0; i < args.count(kStartNodes); ++i) {
    const Number node = graph.nodes().find(args.str_at(kStartNodes, i));
    if (node != kNoNumber && edges.shows_node(graph, node, interrupt)) starts.push_back(node);
  }
  return starts;
}

Status read(const GraphEngine& engine, const Request& request, Reply& reply) {
  const Graph& graph = engine.graph(request);
  const Args args = request.args();
  const std::uint64_t limit = args.u64(kLimit);
  const WalkLimits limits = {static_cast<std::uint32_t>(args.u64(kDepth)), args.u64(kMaxVisited),
                             limit};
  const Walk walk =
      breadth_first(graph, start_nodes(graph, request),
                    filter_of(graph, args, {kEdgeLabel, kDirection}), limits, request);
  if (walk.was_interrupted) return fail_interrupted(reply);

  const std::size_t rows = std::min<std::size_t>(walk.nodes.size(), limit);
  auto json = reply.json();
  json.begin_object().key("rows").begin_array();
  std::uint32_t hop = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    if (i == walk.levels[hop + 1]) ++hop;
    json.begin_object()
        .field("node", graph.nodes().name(walk.nodes[i]))
        .field("hop", hop)
        .end_object();
  }
  json.end_array();
  json.field("truncated", walk.is_truncated || rows < walk.nodes.size()).end_object();
  return STATOR_OK;
}

}  // namespace

const Op<GraphEngine> kGraphHop = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .cost = STATOR_COST_HEAVY,
                    .name = "graph_hop",
                    .doc = "The nodes within some hops of the start nodes, which are hop 0, in "
                           "(hop, id) order.",
                    .result = R"({"rows":[{"node":str,"hop":u32}],"truncated":bool})",
                    .example = R"({"op":"graph_hop","collection":"notes","start_nodes":["n1"],)"
                               R"("depth":2,"edge_label":"cites"})",
                    .args = kArgs,
                    .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::graph
