// point_put: writes one whole document.
#include <array>

#include "ops/arguments.h"
#include "ops/check_document.h"
#include "ops/ops.h"
#include "ops/write_conditions.h"
#include "ops/write_document.h"
#include "packed_json.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kId, kData, kIfAbsent, kIfLsn };
constexpr std::array kArgs = {
    kDocumentIdArg,
    kDataArg,
    make_arg(STATOR_ARG_BOOL, "if_absent", "Only if there is no such document.",
             {.default_json = "false"}),
    kIfLsnArg,
};

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  StoredDocument old;
  const bool is_stored = load_document(request.kv(), args.str(kId), old);
  const bool existed = is_stored && !engine.is_over(request, old.root);
  if (existed) {
    if (const Status hidden = check_replaced(request, old); hidden != STATOR_OK) return hidden;
  }
  if (existed && args.boolean(kIfAbsent)) {
    return reply.fail(STATOR_E_DUPLICATE_WRITE, "document_id", "the document exists already");
  }
  Status status = check_if_lsn(if_lsn_of(args, kIfLsn), existed ? old.lsn : 0, reply);
  if (status != STATOR_OK) return status;

  auto& [encoder, record, stored] = engine.scratch();
  begin_put_record(args.str(kId), record);
  const std::size_t start = record.size();
  if (!encoder.encode(args.str(kData), record)) {
    return reply.fail(STATOR_E_REJECTED_PREVALIDATION, "data", encoder.error());
  }
  const Value document = read_value(std::string_view(record).substr(start));
  status = check_document(engine, request, document, "data", reply);
  if (status != STATOR_OK) return status;
  status = DocumentWriter(engine, request, records, reply)
               .put({request.vshard(), args.str(kId), is_stored ? &old.root : nullptr, &document},
                    record);
  if (status != STATOR_OK) return status;
  json::Writer writer = reply.json();
  writer.begin_object().field("existed", existed).key("lsn");
  reply.lsn(writer);
  writer.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kPointPut = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_DOCUMENT,
        .cost = STATOR_COST_POINT,
        .name = "point_put",
        .doc = "Writes one document; an older one of the same id is replaced as a whole.",
        .result = R"({"existed":bool,"lsn":u64})",
        .example = R"({"op":"point_put","collection":"users","document_id":"u1",)"
                   R"("data":{"name":"Ada","age":36}})",
        .args = kArgs,
        .key_space = Space::kDocuments,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
};

}  // namespace stator::document
