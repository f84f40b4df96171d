#include "ops/arguments.h"

namespace stator::graph {

EdgeFilter filter_of(const Graph& graph, const Args& args, const FilterArgs& at) {
  EdgeFilter filter;
  filter.direction = static_cast<Direction>(args.u64(at.direction));
  filter.is_any_label = !args.has(at.edge_label);
  if (!filter.is_any_label) filter.label = graph.labels().find(args.str(at.edge_label));
  return filter;
}

EdgeNames edge_of(const Args& args) {
  return {.from = args.str(kFromNode), .label = args.str(kEdgeType), .to = args.str(kToNode)};
}

PutRecord put_record_of(const Args& args) {
  return {edge_of(args), {args.f64(kWeight), args.str(kProperties)}};
}

Status check_room(const Graph& graph, std::size_t more_edges, Reply& reply) {
  // An edge brings at most two nodes and one label.
  const bool fits = graph.nodes().size() + 2 * more_edges < kNoNumber &&
                    graph.labels().size() + more_edges < kNoNumber;
  if (fits) return STATOR_OK;
  return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, nullptr,
                    "a graph numbers at most 4294967294 nodes");
}

Status fail_interrupted(Reply& reply) {
  return reply.fail(STATOR_E_DEADLINE_EXCEEDED, nullptr, "interrupted before the answer was found");
}

}  // namespace stator::graph
