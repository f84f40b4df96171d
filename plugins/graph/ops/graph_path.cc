// graph_path: the shortest path between two nodes.
#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/shortest_path.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

enum : std::size_t { kSrc, kDst, kMaxDepth, kEdgeLabel, kDirection };
constexpr stator_arg kArgs[] = {
    make_arg(
        STATOR_ARG_STR, "src", "Where the path begins.",
        {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kNodeIdBytesMax, .alias = "from_node"}),
    make_arg(STATOR_ARG_STR, "dst", "Where it ends.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kNodeIdBytesMax, .alias = "to_node"}),
    make_arg(STATOR_ARG_U64, "max_depth", "How many edges the path may have.",
             {.flags = STATOR_ARG_DEPTH, .min = 1, .max = 64, .default_json = "10"}),
    kEdgeLabelArg, kDirectionArg};

Number find_visible(const Graph& graph, std::string_view name, const Request& request,
                    InterruptCheck& interrupt) {
  const Number node = graph.nodes().find(name);
  VisibleEdges edges(request);
  return node != kNoNumber && edges.shows_node(graph, node, interrupt) ? node : kNoNumber;
}

Status read(const GraphEngine& engine, const Request& request, Reply& reply) {
  const Graph& graph = engine.graph(request);
  const Args args = request.args();
  InterruptCheck interrupt(request);
  const PathEnds ends = {find_visible(graph, args.str(kSrc), request, interrupt),
                         find_visible(graph, args.str(kDst), request, interrupt)};
  if (interrupt.is_interrupted_now()) return fail_interrupted(reply);
  if (ends.from == kNoNumber) {
    return reply.fail(STATOR_E_NOT_FOUND, "src", "'src' is no node of this graph");
  }
  if (ends.to == kNoNumber) {
    return reply.fail(STATOR_E_NOT_FOUND, "dst", "'dst' is no node of this graph");
  }
  const Path path = shortest_path(graph, ends, filter_of(graph, args, {kEdgeLabel, kDirection}),
                                  static_cast<std::uint32_t>(args.u64(kMaxDepth)), request);
  if (path.was_interrupted) return fail_interrupted(reply);
  if (path.was_changed) {
    return reply.fail(STATOR_E_CONFLICT_RETRY, nullptr,
                      "the graph changed while a path was looked for");
  }
  if (path.nodes.empty()) {
    return reply.fail(STATOR_E_NOT_FOUND, nullptr, "no path within 'max_depth' edges");
  }
  auto json = reply.json();
  json.begin_object().key("path").begin_array();
  for (const Number node : path.nodes) json.string(graph.nodes().name(node));
  json.end_array().field("hops", std::uint64_t{path.nodes.size() - 1}).end_object();
  return STATOR_OK;
}

}  // namespace

const Op<GraphEngine> kGraphPath = {
    .row =
        make_op({.op_class = STATOR_OP_READ,
                 .permission = STATOR_PERM_READ,
                 .placement = STATOR_PLACE_COLLECTION,
                 .cost = STATOR_COST_HEAVY,
                 .name = "graph_path",
                 .doc = "The path with the fewest edges; of several the one whose ids come first "
                        "in order. Weights are not looked at.",
                 .result = R"({"path":[str],"hops":u64})",
                 .example = R"({"op":"graph_path","collection":"notes","src":"n1","dst":"n9"})",
                 .args = kArgs,
                 .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::graph
