// point_update: changes single fields of one document.
#include <array>
#include <string>

#include "edit/update.h"
#include "ops/arguments.h"
#include "ops/check_document.h"
#include "ops/ops.h"
#include "ops/projection.h"
#include "ops/write_conditions.h"
#include "ops/write_document.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kId, kSet, kUnset, kInc, kPush, kIfLsn, kFields };
constexpr std::array kArgs = {
    kDocumentIdArg,
    kSetArg,
    kUnsetArg,
    kIncArg,
    kPushArg,
    kIfLsnArg,
    make_arg(STATOR_ARG_STRVEC, "fields",
             "Answer these paths of the changed document too, as an object from path to value.",
             {.min = 1, .max = kProjectedFieldsMax}),
};

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  Update update;
  Status status = update.parse(args, {kSet, kUnset, kInc, kPush}, reply);
  if (status != STATOR_OK) return status;
  const Projection projection(args, kFields);
  if (status = projection.check(reply); status != STATOR_OK) return status;

  StoredDocument old;
  const bool exists = load_visible(engine, request, args.str(kId), old);
  status = check_if_lsn(if_lsn_of(args, kIfLsn), old.lsn, reply);
  if (status != STATOR_OK) return status;
  if (!exists) return reply.fail(STATOR_E_NOT_FOUND, "document_id", "no such document");
  if (status = check_replaced(request, old); status != STATOR_OK) return status;

  std::string payload;
  begin_put_record(args.str(kId), payload);
  const std::size_t start = payload.size();
  status = update.apply(old.root, payload, reply);
  if (status != STATOR_OK) return status;
  const Value changed = read_value(std::string_view(payload).substr(start));
  status = check_document(engine, request, changed, nullptr, reply);
  if (status != STATOR_OK) return status;
  status = DocumentWriter(engine, request, records, reply)
               .put({request.vshard(), args.str(kId), &old.root, &changed}, payload);
  if (status != STATOR_OK) return status;

  json::Writer writer = reply.json();
  writer.begin_object().key("lsn");
  reply.lsn(writer);
  if (args.has(kFields)) {
    writer.key("data");
    projection.write(writer, changed);
  }
  writer.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kPointUpdate = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_DOCUMENT,
        .cost = STATOR_COST_POINT,
        .name = "point_update",
        .doc = "Changes fields of one document, all or none, in this order: set, unset, inc, push. "
               "A missing document is not_found.",
        .result = R"({"lsn":u64,"data":object?})",
        .example = R"({"op":"point_update","collection":"users","document_id":"u1",)"
                   R"("set":{"address.city":"Oslo"},"inc":{"visits":1},"push":{"tags":"new"}})",
        .args = kArgs,
        .key_space = Space::kDocuments,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
};

}  // namespace stator::document
