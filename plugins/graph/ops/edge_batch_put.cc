// edge_batch_put: adds many edges, all or none. Of rows for one edge the last wins.
#include <cstdint>
#include <string>
#include <unordered_set>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

enum : std::size_t { kEdges };
constexpr stator_arg kFields[] = {kFromNodeArg, kToNodeArg, kEdgeTypeArg, kWeightArg,
                                  kPropertiesArg};
constexpr stator_arg kArgs[] = {make_rows(
    "edges", "The edges to put: objects of from_node, to_node, edge_type, weight, properties.",
    kFields, {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 100'000})};
constexpr std::size_t kRowsPerLook = 64;

Status prepare(const GraphEngine& engine, const Request& request, Records& records, Reply& reply) {
  const Graph& graph = engine.graph(request);
  const Args args = request.args();
  const std::size_t count = args.count(kEdges);
  if (const Status status = check_room(graph, count, reply)) return status;
  std::unordered_set<std::string> seen;  // edges of earlier rows, as a delete record names them
  std::uint64_t replaced = 0;
  VisibleEdges edges(request);
  for (std::size_t i = 0; i < count; ++i) {
    if (i % kRowsPerLook == 0 && request.interrupted()) return fail_interrupted(reply);
    const PutRecord record = put_record_of(args.row(kEdges, i));
    const bool is_first = seen.insert(encode_delete(record.edge)).second;
    const auto stored = graph.find(record.edge);
    if (const Status status = edges.check_write(stored, record.value.properties)) return status;
    if (!is_first || stored) ++replaced;
    records.add(request.vshard(), kRecordPut, encode_put(record));
  }
  auto json = reply.json();
  json.begin_object().field("put", std::uint64_t{count}).field("replaced", replaced).key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<GraphEngine> kEdgeBatchPut = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_COLLECTION,
                    .cost = STATOR_COST_SCAN,
                    .name = "edge_batch_put",
                    .doc = "Adds many edges, all or none; replaced counts rows whose edge existed, "
                           "also by an earlier row.",
                    .result = R"({"put":u64,"replaced":u64,"lsn":u64})",
                    .example = R"({"op":"edge_batch_put","collection":"notes","edges":)"
                               R"([{"from_node":"n1","to_node":"n2","edge_type":"cites"}]})",
                    .args = kArgs,
                    .flags = STATOR_OP_ROWS_CHECKED}),
    .prepare = prepare};

}  // namespace stator::graph
