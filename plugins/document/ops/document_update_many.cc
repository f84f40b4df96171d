// document_update_many: the same change to every document that a filter selects.
#include <array>
#include <string>

#include "edit/update.h"
#include "ops/arguments.h"
#include "ops/check_document.h"
#include "ops/ops.h"
#include "ops/write_document.h"
#include "ops/write_many.h"
#include "scan/candidates.h"

namespace stator::document {
namespace {

enum Arg { kFilter, kSet, kUnset, kInc, kPush, kLimit, kDryRun };
constexpr std::array kArgs = {
    make_arg(STATOR_ARG_JSON, "filter", "Which documents; {} is all of them.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT,
              .min = 2,
              .max = double{filter::kTextBytesMax}}),
    kSetArg,
    kUnsetArg,
    kIncArg,
    kPushArg,
    kWriteLimitArg,
    kDryRunArg,
};

// What one lane does.
struct Change {
  const DocumentEngine& engine;
  const Access& access;
  const Selection& selection;
  const Update& update;
};

Status change_all(const Request& request, const Change& change, WriteManyShare& share,
                  DocumentWriter& writer, Reply& reply) {
  const bool is_dry = request.args().boolean(kDryRun);
  const Rows rows = request.rows();
  Status fault = STATOR_OK;
  const auto visit = [&](const Candidate& found) {
    if (!rows.may_write(found.root.bytes)) return true;
    std::string payload;
    begin_put_record(found.document_id, payload);
    const std::size_t start = payload.size();
    fault = change.update.apply(found.root, payload, reply, found.document_id);
    if (fault != STATOR_OK) return false;
    const Value changed = read_value(std::string_view(payload).substr(start));
    fault = check_document(change.engine, request, changed, nullptr, reply, found.document_id);
    if (fault != STATOR_OK) return false;
    // A document that is as it should be is not written: a repeated request comes to an end.
    if (changed.bytes == found.root.bytes) return true;
    const std::string_view id = found.document_id;
    if (!share.take(payload.size() + writer.claim_bytes_max(id))) return false;
    if (!is_dry) fault = writer.put({found.vshard, id, &found.root, &changed}, payload);
    return fault == STATOR_OK;
  };
  WalkCounts counts;
  const Status status = walk_selected(request, {change.access, change.selection}, counts, visit);
  return fault != STATOR_OK ? fault : status;
}

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  Selection selection;
  Status status = selection.compile(engine, request, kFilter, "filter", reply);
  if (status != STATOR_OK) return status;
  Update update;
  status = update.parse(args, {kSet, kUnset, kInc, kPush}, reply);
  if (status != STATOR_OK) return status;
  WriteManyShare share;
  DocumentWriter writer(engine, request, records, reply);
  status = share.begin(engine, args.u64(kLimit), writer.has_unique(), reply);
  if (status != STATOR_OK) return status;
  const Access access =
      plan_access(engine.indexes().of(request.tenant(), request.collection()), selection.program());
  status = change_all(request, {engine, access, selection, update}, share, writer, reply);
  if (status != STATOR_OK) return status;
  share.finish(reply);
  return STATOR_OK;
}

Status merge(const DocumentEngine&, const Request&, const Parts& parts, Reply& reply) {
  return merge_write_many(parts, reply);
}

}  // namespace

const Op<DocumentEngine> kDocumentUpdateMany = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_ALL,
        .cost = STATOR_COST_HEAVY,
        .name = "document_update_many",
        .doc = "Changes the selected documents as point_update does. Documents that the change "
               "leaves as they are do not count. All documents of one lane are changed, or none "
               "of them (in a collection with a unique index: of all lanes); more: some are left, "
               "ask again (with inc and push by a filter that leaves out what was changed). What row policies do not let you "
               "change is not selected.",
        .result = R"({"affected":u64,"more":bool})",
        .example = R"({"op":"document_update_many","collection":"users",)"
                   R"("filter":{"age":{"gte":18}},"set":{"adult":true}})",
        .args = kArgs,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
