// document_update_many: the same change to every document that a filter selects.
#include <array>
#include <string>

#include "edit/update.h"
#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/write_many.h"

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

Status change_all(const Request& request, const Selection& selection, const Update& update,
                  WriteManyShare& share, Records& records, Reply& reply) {
  const bool is_dry = request.args().boolean(kDryRun);
  for (Cursor cursor = request.kv().scan(Space::kDocuments); cursor.next();) {
    if (request.interrupted()) return STATOR_E_DEADLINE_EXCEEDED;
    const Value root = open_document(cursor.value()).root;
    if (!selection.selects(root)) continue;
    std::string payload = begin_put_record(cursor.key());
    const std::size_t start = payload.size();
    if (const Status status = update.apply(root, payload, reply); status != STATOR_OK)
      return status;
    // A document that is as it should be is not written: a repeated request comes to an end.
    if (std::string_view(payload).substr(start) == root.bytes) continue;
    if (!share.take(payload.size())) break;
    if (!is_dry) records.add(cursor.vshard(), RecordType::kPut, payload);
  }
  return STATOR_OK;
}

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  Selection selection;
  Status status = selection.compile(args, kFilter, "filter", reply);
  if (status != STATOR_OK) return status;
  Update update;
  status = update.parse(args, {kSet, kUnset, kInc, kPush}, reply);
  if (status != STATOR_OK) return status;
  WriteManyShare share;
  status = share.begin(engine, args.u64(kLimit), reply);
  if (status != STATOR_OK) return status;
  status = change_all(request, selection, update, share, records, reply);
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
               "of them; more: some are left, ask again.",
        .result = R"({"affected":u64,"more":bool})",
        .example = R"({"op":"document_update_many","collection":"users",)"
                   R"("filter":{"age":{"gte":18}},"set":{"adult":true}})",
        .args = kArgs,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::document
