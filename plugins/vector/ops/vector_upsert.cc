// vector_upsert: puts the vector of one document, replacing what it had.
#include <string>

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/rows.h"
#include "stored_form.h"

namespace stator::vector {
namespace {

enum : std::size_t { kDocumentId, kVector, kMetric, kPayload };
constexpr stator_arg kArgs[] = {kDocumentIdArg, kVectorArg, kMetricArg, kPayloadArg};
constexpr const char* kAliases[] = {"vector_insert", nullptr};

Status prepare(const VectorEngine& engine, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  const Collection* const collection = engine.find(request.tenant(), request.collection());
  const std::string_view document_id = args.str(kDocumentId);
  if (const Status status = check_replaced(request, collection, document_id)) return status;
  const auto values = args.f32vec(kVector);
  const Rule rule = rule_for(collection, args, kMetric, values.size());
  if (const Status status = check_metric(rule, args, kMetric, reply)) return status;
  if (const Status status = check_room(collection, 1, reply)) return status;
  const std::string fault = fault_of(values, rule);
  if (!fault.empty()) return reply.fail(STATOR_E_BAD_REQUEST, "vector", "'vector' " + fault);

  std::string payload;
  const char* why = pack_payload(args, kPayload, payload);
  if (why != nullptr) return reply.fail(STATOR_E_REJECTED_PREVALIDATION, "payload", why);
  if (const Status status = check_written(request, payload)) return status;

  records.add(request.vshard(), kRecordPut,
              encode(PutRecord{rule, document_id, bytes_of(values), payload}));
  auto json = reply.json();
  json.begin_object();
  json.field("existed", collection != nullptr && collection->contains(document_id));
  json.key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<VectorEngine> kVectorUpsert = {
    .row =
        make_op({.op_class = STATOR_OP_WRITE,
                 .permission = STATOR_PERM_WRITE,
                 .placement = STATOR_PLACE_COLLECTION,
                 .name = "vector_upsert",
                 .doc = "Puts the vector of one document, and what else is known of it, "
                        "replacing both that it had.",
                 .result = R"({"existed":bool,"lsn":u64})",
                 .example = R"({"op":"vector_upsert","collection":"notes","document_id":"n1",)"
                            R"("vector":[0.1,0.7,0.2],"metric":"cosine","payload":{"lang":"en"}})",
                 .args = kArgs,
                 .aliases = kAliases,
                 .flags = STATOR_OP_ROWS_CHECKED}),
    .prepare = prepare};

}  // namespace stator::vector
