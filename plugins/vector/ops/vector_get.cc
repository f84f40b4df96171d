// vector_get: the vector of one document, as it was put.
#include <cstring>
#include <string_view>

#include "stator/packed/write_json.hpp"

#include "ops/arguments.h"
#include "ops/ops.h"
#include "ops/rows.h"
#include "stored_form.h"

namespace stator::vector {
namespace {

enum : std::size_t { kDocumentId };
constexpr stator_arg kArgs[] = {kDocumentIdArg};

Status read(const VectorEngine& engine, const Request& request, Reply& reply) {
  const Collection* const collection = engine.find(request.tenant(), request.collection());
  if (is_no_collection(request, collection)) return fail_no_collection(request, reply);
  const std::string_view document_id = request.args().str(kDocumentId);
  const auto payload = visible_payload(request, collection, document_id);
  std::string_view stored;
  if (!payload || !request.kv().get(kSpaceVectors, document_id, stored)) {
    return reply.fail(STATOR_E_NOT_FOUND, "document_id", "this document has no vector");
  }
  auto json = reply.json();
  json.begin_object().field("document_id", document_id).key("vector").begin_array();
  for (std::size_t at = 0; at < stored.size(); at += sizeof(float)) {
    float value = 0;  // stored bytes have no alignment
    std::memcpy(&value, stored.data() + at, sizeof value);
    json.number(value);
  }
  json.end_array();
  if (!payload->empty()) {
    json.key("payload");
    packed::write_json(json, packed::read_value(*payload));
  }
  json.end_object();
  return STATOR_OK;
}

}  // namespace

const Op<VectorEngine> kVectorGet = {
    .row = make_op({.op_class = STATOR_OP_READ,
                    .permission = STATOR_PERM_READ,
                    .placement = STATOR_PLACE_COLLECTION,
                    .name = "vector_get",
                    .doc = "The vector of one document, exactly as it was put, and its payload if "
                           "it has one.",
                    .result = R"({"document_id":str,"vector":[f32],"payload"?:object})",
                    .example = R"({"op":"vector_get","collection":"notes","document_id":"n1"})",
                    .args = kArgs,
                    .flags = STATOR_OP_ROWS_CHECKED}),
    .read = read};

}  // namespace stator::vector
