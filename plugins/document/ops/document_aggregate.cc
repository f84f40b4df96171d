// document_aggregate: sums, means and the like over the documents that a filter selects, by group.
#include <array>
#include <string>

#include "aggregate/groups.h"
#include "ops/arguments.h"
#include "ops/ops.h"
#include "scan/candidates.h"

namespace stator::document {
namespace {

enum Arg { kAggs, kGroupBy, kFilter };

constexpr double kAggsBytesMax = 16'384;
constexpr std::array kArgs = {
    make_arg(
        STATOR_ARG_JSON, "aggs",
        "{name: {kind: path}}; kinds: count (also of \"*\"), sum, avg, min, max, "
        "count_distinct, stddev, percentile ([path, fraction]).",
        {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT, .min = 2, .max = kAggsBytesMax}),
    make_arg(STATOR_ARG_STRVEC, "group_by", "Paths; each combination of their values is a group.",
             {.min = 1, .max = double{kGroupPathsMax}}),
    kFilterArg,
};

Status refuse_size(Reply& reply) {
  return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "group_by",
                    "the groups and their values exceed 8 MiB; narrow the filter");
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  const Args args = request.args();
  Selection selection;
  Status status = selection.compile(engine, request, kFilter, "filter", reply);
  if (status != STATOR_OK) return status;
  AggregatePlan plan;
  status = plan.parse(args, kAggs, kGroupBy, reply);
  if (status != STATOR_OK) return status;
  const Access access =
      plan_access(engine.indexes().of(request.tenant(), request.collection()), selection.program());
  Groups groups(plan);
  WalkCounts counts;
  status = walk_selected(request, {access, selection}, counts, [&](const Candidate& found) {
    groups.add(found.root);
    return !groups.is_too_large();
  });
  if (status != STATOR_OK) return status;
  if (groups.is_too_large()) return refuse_size(reply);
  std::string part;
  groups.save(part);
  reply.set_binary();
  reply.write(part);
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  AggregatePlan plan;
  const Status status = plan.parse(request.args(), kAggs, kGroupBy, reply);
  if (status != STATOR_OK) return status;
  Groups groups(plan);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    if (!groups.merge(parts[i])) return STATOR_E_INTERNAL;
  }
  json::Writer writer = reply.json();
  writer.begin_object().key("groups");
  groups.write(writer);
  writer.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kDocumentAggregate = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_SCAN,
        .name = "document_aggregate",
        .doc = "Aggregates over the selected documents, by group, in the order of the groups' "
               "values. Values of the wrong kind are passed over; without values count and sum are "
               "0, the others null. Integers are summed exactly.",
        .result = R"({"groups":[{"key":{path:any},"values":{name:any}}]})",
        .example =
            R"({"op":"document_aggregate","collection":"users","group_by":["city"],)"
            R"("aggs":{"n":{"count":"*"},"age":{"avg":"age"},"p95":{"percentile":["age",0.95]}}})",
        .args = kArgs,
        .flags = STATOR_OP_PAUSES | STATOR_OP_ROWS_CHECKED,
    }),
    .read = &read,
    .merge = &merge,
};

}  // namespace stator::document
