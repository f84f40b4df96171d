// edge_put: adds an edge, or gives an existing one new weight and properties.
#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

constexpr stator_arg kArgs[] = {kFromNodeArg, kToNodeArg, kEdgeTypeArg, kWeightArg, kPropertiesArg};

Status prepare(const GraphEngine& engine, const Request& request, Records& records, Reply& reply) {
  const Graph& graph = engine.graph(request);
  const PutRecord record = put_record_of(request.args());
  const auto stored = graph.find(record.edge);
  VisibleEdges edges(request);
  if (const Status status = edges.check_write(stored, record.value.properties)) return status;
  if (const Status status = check_room(graph, 1, reply)) return status;
  records.add(request.vshard(), kRecordPut, encode_put(record));
  auto json = reply.json();
  json.begin_object().field("existed", stored.has_value()).key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<GraphEngine> kEdgePut = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = "edge_put",
                    .doc = "Adds an edge; one that exists gets the new weight and properties. Its "
                           "nodes need no document.",
                    .result = R"({"existed":bool,"lsn":u64})",
                    .example = R"({"op":"edge_put","collection":"notes","from_node":"n1",)"
                               R"("to_node":"n2","edge_type":"cites","weight":0.5,)"
                               R"("properties":{"page":7}})",
                    .args = kArgs,
                    .flags = STATOR_OP_ROWS_CHECKED}),
    .prepare = prepare};

}  // namespace stator::graph
