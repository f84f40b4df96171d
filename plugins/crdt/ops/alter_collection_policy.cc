#include "ops/ops.h"
#include "policy/collection_policy.h"
#include "records.h"

namespace stator::crdt {
namespace {

enum Arg : std::size_t { kPolicy };

// Five short members; a webhook's address is the longest of them.
constexpr double kPolicyBytesMax = 16 << 10;

constexpr stator_arg kArgs[] = {
    make_arg(
        STATOR_ARG_JSON, "policy",
        "unique, foreign_key, not_null, check (each a resolution) and strict_consistency.",
        {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT, .min = 2, .max = kPolicyBytesMax}),
};

Status prepare(const CrdtEngine&, const Request& request, Records& records, Reply& reply) {
  CollectionPolicy policy;
  std::string why;
  if (!parse_policy(request.args().str(kPolicy), policy, why)) {
    return reply.fail(STATOR_E_BAD_REQUEST, "policy", why);
  }
  records.add(STATOR_VSHARD_EVERY, kPolicyRecord, policy_json(policy));
  return STATOR_OK;
}

Status merge(const CrdtEngine&, const Request&, const Parts&, Reply& reply) {
  reply.json()
      .begin_object()
      .field("enforced", false)
      .field("note", "stored and readable; enforcement is not part of this version")
      .end_object();
  return STATOR_OK;
}

}  // namespace

const Op<CrdtEngine> kAlterCollectionPolicy = {
    .row = make_op({
        .op_class = STATOR_OP_WRITE,
        .permission = STATOR_PERM_ALTER,
        .placement = STATOR_PLACE_ALL,
        .name = "alter_collection_policy",
        .doc = "Sets how conflicts of the collection's documents are to be resolved.",
        .result = R"({"enforced":bool,"note":str})",
        .example = R"({"op":"alter_collection_policy","policy":{"unique":"RenameSuffix",)"
                   R"("foreign_key":{"CascadeDefer":{"max_retries":3,"ttl_secs":300}},)"
                   R"("not_null":"LastWriterWins","check":"EscalateToDlq",)"
                   R"("strict_consistency":false}})",
        .args = kArgs,
        .flags = STATOR_OP_TOGETHER,
    }),
    .prepare = &prepare,
    .merge = &merge,
};

}  // namespace stator::crdt
