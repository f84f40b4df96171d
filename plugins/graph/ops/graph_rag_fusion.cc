// graph_rag_fusion: vector search, expanded along edges, ranked together.
#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "fusion/reciprocal_rank.h"
#include "fusion/vector_answer.h"
#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/breadth_first.h"

namespace stator::graph {
namespace {

enum : std::size_t {
  kQueryVector,
  kVectorTopK,
  kEdgeLabel,
  kDirection,
  kExpansionDepth,
  kFinalTopK,
  kVectorK,
  kGraphK,
  kMaxVisited
};
constexpr double kAnyF64 = std::numeric_limits<double>::max();
constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_F32VEC, "query_vector", "What the vector search looks for.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 8192}),
    make_arg(STATOR_ARG_U64, "vector_top_k", "How many nearest documents become seeds.",
             {.min = 1, .max = 1000, .default_json = "20"}),
    kEdgeLabelArg,
    kDirectionArg,
    make_arg(STATOR_ARG_U64, "expansion_depth", "How many hops to go from the seeds.",
             {.flags = STATOR_ARG_DEPTH, .min = 0, .max = 16, .default_json = "2"}),
    make_arg(STATOR_ARG_U64, "final_top_k", "How many results to answer at most.",
             {.min = 1, .max = 1000, .default_json = "10"}),
    make_arg(STATOR_ARG_F64, "vector_k", "The k of the vector list; smaller weighs its head more.",
             {.min = 0, .max = kAnyF64, .default_json = "60.0"}),
    make_arg(STATOR_ARG_F64, "graph_k", "The k of the graph list.",
             {.min = 0, .max = kAnyF64, .default_json = "10.0"}),
    make_arg(STATOR_ARG_U64, "max_visited",
             "How many nodes to visit at most; seeds count but are always visited.",
             {.min = 1, .max = 1'000'000, .default_json = "100000"})};
constexpr const char* kRequires[] = {"vector_search", nullptr};

std::string search_args(const Args& args) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().key("query_vector").begin_array();
  for (const float value : args.f32vec(kQueryVector)) json.number(value);
  json.end_array().field("top_k", args.u64(kVectorTopK)).end_object();
  return out.take();
}

// The field of this op that a refusal of the vector search is about.
const char* field_of(Status status) {
  if (status == STATOR_E_BAD_REQUEST) return "query_vector";
  return status == STATOR_E_COLLECTION_NOT_FOUND ? "collection" : nullptr;
}

// Known seeds, seen or not (nothing but the seed itself follows from that), as the numbers of their
// nodes.
std::vector<Number> nodes_of(const Graph& graph, std::span<const Seed> seeds) {
  std::vector<Number> nodes;
  for (const Seed& seed : seeds) {
    const Number node = graph.nodes().find(seed.id);
    if (node != kNoNumber) nodes.push_back(node);
  }
  return nodes;
}

// What the walk reached behind its start nodes, at most `count` rows.
std::vector<HopRow> reached_rows(const Graph& graph, const Walk& walk, std::size_t count) {
  std::vector<HopRow> rows;
  for (std::size_t hop = 1; hop + 1 < walk.levels.size(); ++hop) {
    for (std::size_t i = walk.levels[hop]; i < walk.levels[hop + 1]; ++i) {
      if (rows.size() == count) return rows;
      rows.push_back({graph.nodes().name(walk.nodes[i]), static_cast<std::uint32_t>(hop)});
    }
  }
  return rows;
}

void write(json::Writer& json, const Fused& row) {
  json.begin_object().field("node_id", row.id).field("rrf_score", row.score);
  if (row.vector_rank == kNoRank) {
    json.key("vector_rank").null().key("vector_distance").null();
  } else {
    json.field("vector_rank", std::uint64_t{row.vector_rank})
        .field("vector_distance", row.vector_distance);
  }
  json.field("hop_distance", row.hop).end_object();
}

Status answer(const Graph& graph, const Request& request, std::span<const Seed> seeds,
              Reply& reply) {
  const Args args = request.args();
  std::vector<Number> starts = nodes_of(graph, seeds);
  const std::size_t unknown = seeds.size() - starts.size();
  const std::uint64_t max_visited = args.u64(kMaxVisited);
  const WalkLimits limits = {static_cast<std::uint32_t>(args.u64(kExpansionDepth)),
                             max_visited - std::min<std::uint64_t>(unknown, max_visited),
                             std::numeric_limits<std::uint64_t>::max()};
  const Walk walk = breadth_first(graph, starts, filter_of(graph, args, {kEdgeLabel, kDirection}),
                                  limits, request);
  if (walk.was_interrupted) return fail_interrupted(reply);

  const FusionOptions options = {args.f64(kVectorK), args.f64(kGraphK), args.u64(kFinalTopK)};
  const auto reached = reached_rows(graph, walk, options.final_top_k);
  auto json = reply.json();
  json.begin_object().key("results").begin_array();
  for (const Fused& row : fuse(seeds, reached, options)) write(json, row);
  json.end_array().key("metadata").begin_object();
  json.field("vector_candidates", std::uint64_t{seeds.size()})
      .field("graph_expanded", std::uint64_t{unknown + walk.nodes.size()})
      .field("truncated", walk.is_truncated)
      .end_object()
      .end_object();
  return STATOR_OK;
}

Status read(const GraphEngine& engine, const Request& request, Reply& reply) {
  const CallResult found = request.call("vector_search", search_args(request.args()));
  if (found.status != STATOR_OK) {
    return reply.fail(found.status, field_of(found.status), found.detail);
  }
  const auto seeds = found.is_binary ? std::nullopt : parse_vector_answer(found.payload);
  if (!seeds) {
    return reply.fail(STATOR_E_INTERNAL, nullptr, "vector_search answered in an unknown shape");
  }
  return answer(engine.graph(request), request, *seeds, reply);
}

}  // namespace

const Op<GraphEngine> kGraphRagFusion = {
    .row = make_op(
        {.op_class = STATOR_OP_READ,
         .permission = STATOR_PERM_READ,
         .placement = STATOR_PLACE_COLLECTION,
         .cost = STATOR_COST_HEAVY,
         .name = "graph_rag_fusion",
         .doc = "The nearest documents of a vector, expanded along edges; both rankings fused by "
                "reciprocal rank. The watermark_lsn is in the frame.",
         .result = R"({"results":[{"node_id":str,"rrf_score":f64,"vector_rank":u64|null,)"
                   R"("vector_distance":f64|null,"hop_distance":u32}],"metadata":)"
                   R"({"vector_candidates":u64,"graph_expanded":u64,"truncated":bool}})",
         .example = R"({"op":"graph_rag_fusion","collection":"notes",)"
                    R"("query_vector":[0.1,0.7,0.2],"expansion_depth":2,"final_top_k":5})",
         .args = kArgs,
         .requires_ops = kRequires,
         .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::graph
