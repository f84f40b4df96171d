// graph_neighbors: the edges of one node, with what they carry.
#include <optional>
#include <string_view>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/interrupt_check.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

enum : std::size_t { kNodeId, kEdgeLabel, kDirection, kLimit };
constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_STR, "node_id", "The node whose neighbours are wanted.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = kNodeIdBytesMax}),
    kEdgeLabelArg, kDirectionArg,
    make_arg(STATOR_ARG_U64, "limit", "How many neighbours to answer at most.",
             {.min = 1, .max = 10'000, .default_json = "100"})};

struct Neighbor {
  Half half;
  bool is_in;
};

// Merges both directions in (label, neighbour) order, out before in. The graph may change between
// two calls.
class Neighbors {
 public:
  Neighbors(const Graph& graph, Number node, const EdgeFilter& filter)
      : graph_(graph),
        node_(node),
        filter_(filter),
        changes_(graph.changes()),
        out_(graph.out(node, filter)),
        in_(graph.in(node, filter)) {
    if (filter.direction != Direction::kIn) has_out_ = out_.next(next_out_);
    if (filter.direction != Direction::kOut) has_in_ = in_.next(next_in_);
  }
  std::optional<Neighbor> next() {
    if (graph_.changes() != changes_) go_on_behind();
    if (has_in_ && (!has_out_ || graph_.order()(next_in_, next_out_))) {
      const Neighbor neighbor = {next_in_, true};
      has_in_ = in_.next(next_in_);
      return neighbor;
    }
    if (!has_out_) return std::nullopt;
    const Neighbor neighbor = {next_out_, false};
    has_out_ = out_.next(next_out_);
    return neighbor;
  }

 private:
  void go_on_behind() {
    changes_ = graph_.changes();
    if (has_out_) out_ = graph_.out_behind(node_, next_out_, filter_);
    if (has_in_) in_ = graph_.in_behind(node_, next_in_, filter_);
  }

  const Graph& graph_;
  Number node_;
  EdgeFilter filter_;
  std::uint64_t changes_;
  HalfEdges::Cursor out_;
  HalfEdges::Cursor in_;
  Half next_out_{};
  Half next_in_{};
  bool has_out_ = false;
  bool has_in_ = false;
};

void write(json::Writer& json, const Graph& graph, const Neighbor& neighbor,
           const EdgeValue& value) {
  json.begin_object()
      .field("node", graph.nodes().name(neighbor.half.node))
      .field("label", graph.labels().name(neighbor.half.label))
      .field("direction", neighbor.is_in ? "in" : "out")
      .field("weight", value.weight);
  if (!value.properties.empty()) json.key("properties").raw(value.properties);
  json.end_object();
}

std::optional<EdgeValue> load(const Kv& kv, Number node, const Neighbor& neighbor) {
  const auto [label, other] = neighbor.half;
  const Edge edge = neighbor.is_in ? Edge{other, label, node} : Edge{node, label, other};
  std::string_view stored;
  if (!kv.get(kSpaceEdges, encode_edge_key(edge), stored)) return std::nullopt;
  return decode_edge_value(stored);
}

// The edges of a node that the caller may see, as they were when the request began.
class VisibleNeighbors {
 public:
  VisibleNeighbors(const Graph& graph, Number node, const EdgeFilter& filter,
                   const Request& request)
      : graph_(graph),
        node_(node),
        began_at_(graph.changes()),
        kv_(request.kv()),
        edges_(request),
        interrupt_(request),
        neighbors_(graph, node, filter) {}

  struct Shown {
    Neighbor neighbor;
    EdgeValue value;
  };
  // Nothing at the end, or where a fault says why there is no more.
  std::optional<Shown> next() {
    while (const auto neighbor = neighbors_.next()) {
      if (interrupt_.is_interrupted()) return std::nullopt;
      const auto value = load(kv_, node_, *neighbor);
      // During a pause an edge may have come. Otherwise each is in the store.
      is_corrupted_ = !value && graph_.changes() == began_at_;
      if (is_corrupted_) return std::nullopt;
      if (!value) continue;
      interrupt_.spend(edges_.cost_of(value->properties));
      if (edges_.shows(value->properties)) return Shown{*neighbor, *value};
    }
    return std::nullopt;
  }
  bool is_corrupted() const { return is_corrupted_; }
  bool was_interrupted() { return interrupt_.is_interrupted_now(); }

 private:
  const Graph& graph_;
  Number node_;
  std::uint64_t began_at_;
  Kv kv_;
  VisibleEdges edges_;
  InterruptCheck interrupt_;
  Neighbors neighbors_;
  bool is_corrupted_ = false;
};

Status read(const GraphEngine& engine, const Request& request, Reply& reply) {
  const Graph& graph = engine.graph(request);
  const Args args = request.args();
  const Number node = graph.nodes().find(args.str(kNodeId));
  const std::uint64_t limit = args.u64(kLimit);
  VisibleNeighbors neighbors(graph, node, filter_of(graph, args, {kEdgeLabel, kDirection}),
                             request);

  auto json = reply.json();
  json.begin_object().key("neighbors").begin_array();
  std::uint64_t count = 0;
  auto shown = neighbors.next();
  for (; shown && count < limit; shown = neighbors.next(), ++count) {
    write(json, graph, shown->neighbor, shown->value);
  }
  if (neighbors.is_corrupted()) {
    return reply.fail(STATOR_E_CORRUPTED, nullptr, "an edge is not in the store");
  }
  if (neighbors.was_interrupted()) return fail_interrupted(reply);
  json.end_array().field("truncated", shown.has_value()).end_object();
  return STATOR_OK;
}

}  // namespace

const Op<GraphEngine> kGraphNeighbors = {
    .row =
        make_op({.op_class = STATOR_OP_READ,
                 .permission = STATOR_PERM_READ,
                 .placement = STATOR_PLACE_COLLECTION,
                 .name = "graph_neighbors",
                 .doc = "The edges of one node in (label, node) order; a node that no edge names "
                        "has none.",
                 .result = R"({"neighbors":[{"node":str,"label":str,"direction":"out|in",)"
                           R"("weight":f64,"properties"?:object}],"truncated":bool})",
                 .example = R"({"op":"graph_neighbors","collection":"notes","node_id":"n1",)"
                            R"("direction":"both"})",
                 .args = kArgs,
                 .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::graph
