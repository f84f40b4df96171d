#include <stdexcept>

#include "ops/ops.h"
#include "policy/collection_policy.h"
#include "storage/keys.h"

namespace stator::crdt {
namespace {

Status read(const CrdtEngine&, const Request& request, Reply& reply) {
  CollectionPolicy policy = default_policy();
  std::string_view stored;
  const bool is_set = request.kv().get(kPolicies, kPolicyKey, stored);
  std::string why;
  if (is_set && !parse_policy(stored, policy, why)) {
    throw std::runtime_error("the stored policy is damaged");
  }
  auto out = reply.json();
  out.begin_object();
  write_policy_members(policy, out);
  out.field("default", !is_set).end_object();
  return STATOR_OK;
}

}  // namespace

const Op<CrdtEngine> kGetCollectionPolicy = {
    .row = make_op({
        .op_class = STATOR_OP_READ,
        .permission = STATOR_PERM_READ,
        .placement = STATOR_PLACE_ANY,
        .name = "get_collection_policy",
        .doc = "The collection's conflict policy, or the preset that holds where none was set.",
        .result = R"({"unique":P,"foreign_key":P,"not_null":P,"check":P,)"
                  R"("strict_consistency":bool,"default":bool})",
        .example = R"({"op":"get_collection_policy","collection":"notes"})",
    }),
    .read = &read,
};

}  // namespace stator::crdt
