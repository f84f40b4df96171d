// vector_delete: takes the vector of one document away.
#include <string_view>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/rows.h"
#include "stored_form.h"

namespace stator::vector {
namespace {

enum : std::size_t { kDocumentId };
constexpr stator_arg kArgs[] = {kDocumentIdArg};

Status prepare(const VectorEngine& engine, const Request& request, Records& records, Reply& reply) {
  const Collection* const collection = engine.find(request.tenant(), request.collection());
  if (is_no_collection(request, collection)) return fail_no_collection(request, reply);
  const std::string_view document_id = request.args().str(kDocumentId);
  const bool existed = visible_payload(request, collection, document_id).has_value();
  if (existed) {
    if (const Status status = check_replaced(request, collection, document_id)) return status;
  }
  if (existed) records.add(request.vshard(), kRecordDelete, document_id);
  auto json = reply.json();
  json.begin_object().field("existed", existed).key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<VectorEngine> kVectorDelete = {
    .row = make_op({.op_class = STATOR_OP_WRITE,
                    .permission = STATOR_PERM_WRITE,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = "vector_delete",
                    .doc = "Takes the vector of one document away; the collection keeps its metric "
                           "and dimension.",
                    .result = R"({"existed":bool,"lsn":u64})",
                    .example = R"({"op":"vector_delete","collection":"notes","document_id":"n1"})",
                    .args = kArgs,
                    .flags = STATOR_OP_REMOVES | STATOR_OP_ROWS_CHECKED}),
    .prepare = prepare};

}  // namespace stator::vector
