// document_upsert: inserts one document, or merges into the one there is (RFC 7396).
#include <algorithm>
#include <array>
#include <string>

#include "edit/update.h"
#include "ops/arguments.h"
#include "ops/check_document.h"
#include "ops/ops.h"
#include "ops/write_conditions.h"
#include "ops/write_document.h"
#include "storage.h"

namespace stator::document {
namespace {

enum Arg { kId, kData, kIfLsn };
constexpr std::array kArgs = {
    kDocumentIdArg,
    make_arg(
        STATOR_ARG_JSON, "data", "The merge patch: members replace, null removes.",
        {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT, .min = 2, .max = kDataBytesMax}),
    kIfLsnArg,
};

constexpr std::string_view kEmptyObject("\x09\0\0\0\0", 5);

Status prepare(const DocumentEngine& engine, const Request& request, Records& records,
               Reply& reply) {
  const Args args = request.args();
  StoredDocument old;
  const bool is_stored = load_document(request.kv(), args.str(kId), old);
  const bool existed = is_stored && !engine.is_over(request, old.root);
  if (existed) {
    if (const Status hidden = check_replaced(request, old); hidden != STATOR_OK) return hidden;
  }
  Status status = check_if_lsn(if_lsn_of(args, kIfLsn), existed ? old.lsn : 0, reply);
  if (status != STATOR_OK) return status;

  std::string patch;
  Encoder encoder;
  if (!encoder.encode(args.str(kData), patch)) {
    return reply.fail(STATOR_E_REJECTED_PREVALIDATION, "data", encoder.error());
  }
  std::string payload;
  begin_put_record(args.str(kId), payload);
  const std::size_t start = payload.size();
  merge_patch(existed ? old.root : read_value(kEmptyObject), read_value(patch), payload);
  const std::size_t allowed = std::max({kUpdatedBytesMax, old.root.bytes.size(), patch.size()});
  if (payload.size() - start > allowed) {
    return reply.fail(STATOR_E_REJECTED_PREVALIDATION, "data", "the document would exceed 8 MiB");
  }
  const Value document = read_value(std::string_view(payload).substr(start));
  status = check_document(engine, request, document, "data", reply);
  if (status != STATOR_OK) return status;
  status = DocumentWriter(engine, request, records, reply)
               .put({request.vshard(), args.str(kId), is_stored ? &old.root : nullptr, &document},
                    payload);
  if (status != STATOR_OK) return status;
  json::Writer writer = reply.json();
  writer.begin_object().field("existed", existed).key("lsn");
  reply.lsn(writer);
  writer.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<DocumentEngine> kDocumentUpsert = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_WRITE,
        .placement = STATOR_PLACE_DOCUMENT,
        .cost = STATOR_COST_POINT,
        .name = "document_upsert",
        .doc = "Merges data into the document as RFC 7396 says (objects are merged, null removes a "
               "member, all else replaces), or inserts it.",
        .result = R"({"existed":bool,"lsn":u64})",
        .example = R"({"op":"document_upsert","collection":"users","document_id":"u1",)"
                   R"("data":{"address":{"city":"Oslo"},"nick":null}})",
        .args = kArgs,
        .key_space = Space::kDocuments,
        .flags = STATOR_OP_ROWS_CHECKED,
    }),
    .prepare = &prepare,
};

}  // namespace stator::document
