// document_aggregate: sums, means and the like over the documents that a filter selects, by group.
#include <array>
#include <string>

#include "aggregate/groups.h"
#include "aggregate/part_bytes.h"
#include "ops/arguments.h"
#include "ops/ops.h"
#include "scan/candidates.h"
#include "scan/page_cursor.h"

namespace stator::document {
namespace {

enum Arg { kAggs, kGroupBy, kFilter, kLimit, kCursor };

constexpr double kGroupsPerPageMax = 100'000;

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
    make_arg(
        STATOR_ARG_U64, "limit",
        "Most groups of the answer; there may be fewer, or none, and a cursor says that there are "
        "more. Without it the answer has all groups, or is refused where they exceed 8 MiB.",
        {.min = 1, .max = kGroupsPerPageMax}),
    make_arg(STATOR_ARG_STR, "cursor",
             "The cursor of the page before; filter, group_by and aggs as they were.",
             {.flags = STATOR_ARG_CURSOR, .min = 1, .max = double{kPageCursorBytesMax}}),
};

// What is asked, parsed: the same on every lane and in merge.
struct Asked {
  AggregatePlan plan;
  GroupPage page;
  std::uint64_t fingerprint = 0;
  std::uint64_t aggs_fingerprint = 0;
  PagePosition position;  // the page borrows from it
};

Status parse_asked(const Args& args, Reply& reply, Asked& asked) {
  const Status status = asked.plan.parse(args, kAggs, kGroupBy, reply);
  if (status != STATOR_OK) return status;
  Fingerprint print;
  print.add(args.str(kFilter));
  for (const std::string& path : asked.plan.paths()) print.add(path);
  asked.fingerprint = print.value();
  asked.aggs_fingerprint = Fingerprint().add(args.str(kAggs)).value();
  if (args.has(kLimit)) asked.page.limit = static_cast<std::size_t>(args.u64(kLimit));
  if (!args.has(kCursor)) return STATOR_OK;
  if (!read_page_cursor(args.str(kCursor), asked.fingerprint, asked.position) ||
      !asked.plan.is_key(asked.position.values)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "cursor",
                      "'cursor' is not one of this filter and group_by");
  }
  asked.page.has_position = true;
  asked.page.after = asked.position.values;
  if (asked.position.tie.empty()) return STATOR_OK;
  // Within a group the aggregates matter, too.
  asked.page.progress = asked.position.tie;
  std::uint64_t made_for = 0;
  if (take_part(asked.page.progress, made_for) && made_for == asked.aggs_fingerprint &&
      !asked.page.progress.empty() && asked.plan.is_progress(asked.page.progress)) {
    return STATOR_OK;
  }
  return reply.fail(STATOR_E_BAD_REQUEST, "cursor", "'cursor' is not one of these aggs");
}

Status refuse_size(const Asked& asked, Reply& reply) {
  if (asked.page.limit == 0) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "limit",
                      "the groups, or the values of one, exceed 8 MiB; give a 'limit', and go on "
                      "with the cursor or with 'stream'");
  }
  return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "aggs",
                    "single values of one group exceed 8 MiB; narrow the filter");
}

Status read(const DocumentEngine& engine, const Request& request, Reply& reply) {
  Selection selection;
  Status status = selection.compile(engine, request, kFilter, "filter", reply);
  if (status != STATOR_OK) return status;
  Asked asked;
  status = parse_asked(request.args(), reply, asked);
  if (status != STATOR_OK) return status;
  const Access access =
      plan_access(engine.indexes().of(request.tenant(), request.collection()), selection.program());
  Groups groups(asked.plan, asked.page);
  WalkCounts counts;
  status = walk_selected(request, {access, selection}, counts, [&](const Candidate& found) {
    groups.add(found.root);
    return !groups.is_too_large();
  });
  if (status != STATOR_OK) return status;
  if (groups.is_too_large()) return refuse_size(asked, reply);
  std::string part;
  groups.save(part);
  reply.set_binary();
  reply.write(part);
  return STATOR_OK;
}

// Where the next page begins: behind the last group, or within the one that takes more passes.
PageEnd end_of(const Asked& asked, const GroupMerger& merger, std::string last) {
  if (!merger.is_partial()) return {asked.fingerprint, {"", std::move(last)}};
  std::string tie;
  append_part(tie, asked.aggs_fingerprint);
  return {asked.fingerprint, {tie + merger.progress(), merger.key()}};
}

// Without group_by there is one group, also of no documents.
Status write_groups(const Request& request, const Asked& asked, GroupMerger& merger, Reply& reply,
                    json::Writer& writer) {
  const std::size_t limit = asked.page.limit == 0 ? SIZE_MAX : asked.page.limit;
  std::size_t count = 0;
  std::string last;
  for (; count < limit && reply.size() <= kGroupBytesMax; ++count) {
    const Status status = merger.next(request);
    if (status != STATOR_OK) return status;
    if (!merger.is_at_group()) break;
    merger.write(writer);
    last = merger.key();
  }
  const bool has_more = merger.has_more();
  if (has_more && (asked.page.limit == 0 || (count == 0 && merger.is_too_large()))) {
    return refuse_size(asked, reply);
  }
  if (!has_more && count == 0 && asked.plan.paths().empty()) merger.write_empty(writer);
  writer.end_array();
  if (has_more) end_page(end_of(asked, merger, std::move(last)), reply, writer);
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request& request, const Parts& parts, Reply& reply) {
  Asked asked;
  Status status = parse_asked(request.args(), reply, asked);
  if (status != STATOR_OK) return status;
  GroupMerger merger(asked.plan, asked.page, parts);
  json::Writer writer = reply.json();
  writer.begin_object().key("groups").begin_array();
  status = write_groups(request, asked, merger, reply, writer);
  if (status == STATOR_OK) writer.end_object();
  return status;
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
               "0, the others null. Integers are summed exactly. With 'limit' any number of groups "
               "comes page by page; each page reads the selected documents. A group of more than 8 "
               "MiB of values (count_distinct, percentile) takes several pages without a group.",
        .result =
            R"({"groups":[{"key":{path:any},"values":{name:any}}],"cursor":str?,"more":bool?})",
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
