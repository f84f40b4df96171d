// edge_delete: takes an edge away; its nodes stay known.
#include "ops/arguments.h"
#include "ops/ops.h"
#include "traverse/interrupt_check.h"
#include "traverse/visible_edges.h"

namespace stator::graph {
namespace {

constexpr stator_arg kArgs[] = {kFromNodeArg, kToNodeArg, kEdgeTypeArg};

Status prepare(const GraphEngine& engine, const Request& request, Records& records, Reply& reply) {
  const EdgeNames edge = edge_of(request.args());
  const auto stored = engine.graph(request).find(edge);
  VisibleEdges edges(request);
  InterruptCheck interrupt(request);
  const bool existed = stored && edges.shows(*stored, interrupt);
  if (existed) {
    if (const Status status = edges.check_write(stored, std::nullopt)) return status;
  }
  if (existed) records.add(request.vshard(), kRecordDelete, encode_delete(edge));
  auto json = reply.json();
  json.begin_object().field("existed", existed).key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<GraphEngine> kEdgeDelete = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = "edge_delete",
                    .doc = "Takes an edge away; its nodes stay known.",
                    .result = R"({"existed":bool,"lsn":u64})",
                    .example = R"({"op":"edge_delete","collection":"notes","from_node":"n1",)"
                               R"("to_node":"n2","edge_type":"cites"})",
                    .args = kArgs,
                    .flags = STATOR_OP_REMOVES | STATOR_OP_ROWS_CHECKED}),
    .prepare = prepare};

}  // namespace stator::graph
