#include <algorithm>

#include "system/row_predicate.h"
#include "system/system_ops.h"

namespace stator::system {
namespace {

constexpr stator_arg policy_arg() {
  return name_arg("policy", "Name of the policy in its collection.");
}
constexpr stator_arg on_arg(std::uint32_t flags, const char* doc) {
  return make_arg(STATOR_ARG_STR, "on", doc,
                  {.flags = flags, .min = 1, .max = double{kCollectionNameBytesMax}});
}
constexpr stator_arg kCreateArgs[] = {
    caller_arg(),
    policy_arg(),
    on_arg(STATOR_ARG_REQUIRED, "The collection."),
    make_enum(
        "mode",
        "permissive: rows for which one of these holds are let through; restrictive: no others.",
        kRowPolicyModes, {.default_json = "\"permissive\""}),
    make_enum("for",
              "What it rules: seeing rows, writing them (before and after the change), or both.",
              kRowPolicyActions, {.default_json = "\"all\""}),
    make_arg(STATOR_ARG_STRVEC, "roles",
             "Whom it is about: users with one of these roles; default: everybody.",
             {.min = 1, .max = kRolesPerUserMax}),
    make_arg(
        STATOR_ARG_JSON, "where",
        "A filter; the strings $auth.username, $auth.tenant_id and $auth.roles stand for who asks.",
        {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT,
         .min = 2,
         .max = double{kRowPredicateBytesMax}}),
    make_arg(STATOR_ARG_BOOL, "replace", "Replace a policy of that name.",
             {.default_json = "false"}),
    tenant_arg(),
};

// How many keys begin like this.
std::size_t count_from(const Kv& kv, const std::string& from) {
  std::size_t found = 0;
  for (Cursor cursor = kv.scan(kSpaceRowPolicy, {.lower = from}); cursor.next(); ++found) {
    if (!cursor.key().starts_with(from)) break;
  }
  return found;
}

Status check_policy(const Request& request, const RowPolicy& policy, Reply& reply) {
  if (policy.collection.find('\0') != std::string::npos) {
    return reply.fail(STATOR_E_BAD_REQUEST, "on",
                      "'on' must be a string of 1 to 128 bytes without NUL");
  }
  for (const std::string& role : policy.roles) {
    if (role_exists(request.kv(), policy.tenant, role)) continue;
    return reply.fail(STATOR_E_NOT_FOUND, "roles",
                      "no such role in this tenant: " + role.substr(0, 64));
  }
  // Whoever asks: what is refused does not depend on the values.
  const std::set<std::string> nobodys;
  std::string program;
  std::string error;
  if (compile_row_predicate(policy.where, {"", policy.tenant, nobodys}, program, error))
    return STATOR_OK;
  return reply.fail(STATOR_E_BAD_REQUEST, "where", error);
}

Status check_room(const Request& request, const RowPolicy& policy, Reply& reply) {
  const Kv kv = request.kv();
  if (count_from(kv, row_policy_key(policy.tenant, policy.collection, {})) >=
      kRowPoliciesPerCollectionMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "on",
                      "a collection has at most 16 row policies");
  }
  if (count_from(kv, tenant_key(policy.tenant)) < kRowPoliciesPerTenantMax) return STATOR_OK;
  return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "policy",
                    "a tenant has at most 256 row policies");
}

Status row_policy_create(const SystemEngine&, const Request& request, Records& records,
                         Reply& reply) {
  const Args args = request.args();
  RowPolicy policy;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 8, policy.tenant, reply, code)) return code;
  policy.name = args.str(1);
  policy.collection = args.str(2);
  policy.mode = kRowPolicyModes[args.u64(3)];
  policy.action = kRowPolicyActions[args.u64(4)];
  for (std::size_t i = 0; i < args.count(5); ++i) policy.roles.emplace_back(args.str_at(5, i));
  policy.where = args.str(6);
  if (code = check_policy(request, policy, reply); code != STATOR_OK) return code;
  const std::string key = row_policy_key(policy.tenant, policy.collection, policy.name);
  std::string_view old;
  const bool exists = request.kv().get(kSpaceRowPolicy, key, old);
  if (exists && !args.boolean(7)) {
    return reply.fail(STATOR_E_DUPLICATE_WRITE, "policy",
                      "the collection has a policy of that name");
  }
  if (!exists) code = check_room(request, policy, reply);
  if (code != STATOR_OK) return code;
  const std::string stored = write(policy);
  put(request, records, kSpaceRowPolicy, key, stored);
  reply.write(stored);
  return STATOR_OK;
}

const SystemOp kRowPolicyCreate = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "row_policy_create",
             .doc = "Rules which rows of a collection users see and write. With its first policy a "
                    "collection shows "
                    "nothing that no permissive policy lets through, except to tenant_admin and "
                    "superuser, and ops "
                    "that do not ask for rows are refused there. In force at once.",
             .result = "{policy,on,tenant,mode,for,roles,where}",
             .example = R"({"op":"row_policy_create","policy":"own","on":"orders",)"
                        R"("where":{"owner":{"eq":"$auth.username"}}})",
             .args = kCreateArgs}),
    nullptr, &row_policy_create};

constexpr stator_arg kDropArgs[] = {caller_arg(), policy_arg(),
                                    on_arg(STATOR_ARG_REQUIRED, "The collection."), tenant_arg()};

Status row_policy_drop(const SystemEngine&, const Request& request, Records& records,
                       Reply& reply) {
  std::uint32_t tenant = 0;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 3, tenant, reply, code)) return code;
  const std::string key = row_policy_key(tenant, request.args().str(2), request.args().str(1));
  std::string_view stored;
  if (!request.kv().get(kSpaceRowPolicy, key, stored)) {
    return reply.fail(STATOR_E_NOT_FOUND, "policy", "the collection has no such policy");
  }
  erase(request, records, kSpaceRowPolicy, key);
  reply.json().begin_object().field("dropped", true).end_object();
  return STATOR_OK;
}

const SystemOp kRowPolicyDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "row_policy_drop",
             .doc = "Removes a row policy. Without its last one a collection shows all its rows to "
                    "whoever may read it.",
             .result = "{dropped}",
             .example = R"({"op":"row_policy_drop","policy":"own","on":"orders"})",
             .args = kDropArgs}),
    nullptr, &row_policy_drop};

constexpr stator_arg kListArgs[] = {caller_arg(), on_arg(0, "Only those of this collection."),
                                    tenant_arg()};

Status row_policy_list(const SystemEngine&, const Request& request, Reply& reply) {
  std::uint32_t tenant = 0;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 2, tenant, reply, code)) return code;
  const Args args = request.args();
  const std::string from =
      args.has(1) ? row_policy_key(tenant, args.str(1), {}) : tenant_key(tenant);
  json::Writer json = reply.json();
  json.begin_object().key("policies").begin_array();
  for (Cursor cursor = request.kv().scan(kSpaceRowPolicy, {.lower = from}); cursor.next();) {
    if (!cursor.key().starts_with(from)) break;
    json.raw(cursor.value());
  }
  json.end_array().end_object();
  return STATOR_OK;
}

const SystemOp kRowPolicyList = {
    make_op({.op_class = STATOR_OP_READ,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .cost = STATOR_COST_SCAN,
             .name = "row_policy_list",
             .doc = "Lists a tenant's row policies, by collection and name.",
             .result = "{policies:[{policy,on,tenant,mode,for,roles,where}]}",
             .example = R"({"op":"row_policy_list","on":"orders"})",
             .args = kListArgs}),
    &row_policy_list};

const SystemOp* const kOps[] = {&kRowPolicyCreate, &kRowPolicyDrop, &kRowPolicyList};

}  // namespace

std::span<const SystemOp* const> row_policy_ops() { return kOps; }

}  // namespace stator::system
