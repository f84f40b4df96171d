#include <algorithm>
#include <map>

#include "system/system_ops.h"

namespace stator::system {
namespace {

constexpr stator_arg role_arg() { return name_arg("role", "Name of the role."); }

Status no_such_role(Reply& reply) { return reply.fail(STATOR_E_NOT_FOUND, "role", "no such role in this tenant"); }

// A name that is everybody's cannot become a tenant's.
bool is_builtin(std::string_view name) { return permissions_of_builtin(name).has_value(); }

// All roles of a tenant by name, `changed` in its new form.
std::map<std::string, Role> roles_of(const Kv& kv, std::uint32_t tenant, const Role* changed = nullptr) {
  std::map<std::string, Role> roles;
  const std::string from = role_key(tenant, {});
  for (Cursor cursor = kv.scan(kSpaceRole, {.lower = from}); cursor.next();) {
    Role role = read_role(cursor.value());
    if (role.tenant != tenant) break;
    roles[role.name] = std::move(role);
  }
  if (changed != nullptr) roles[changed->name] = *changed;
  return roles;
}

// Longest chain that begins with `name`; kRoleDepthMax + 1 where it is longer or a circle.
int depth_of(const std::map<std::string, Role>& roles, const std::string& name, std::map<std::string, int>& known) {
  const auto role = roles.find(name);
  if (role == roles.end()) return 1;
  const auto [entry, is_new] = known.emplace(name, kRoleDepthMax + 1);  // until it is known: a circle
  if (!is_new) return entry->second;
  int deepest = 0;
  for (const std::string& parent : role->second.inherits) {
    deepest = std::max(deepest, depth_of(roles, parent, known));
  }
  return known[name] = std::min(deepest + 1, kRoleDepthMax + 1);
}

bool is_too_deep(const std::map<std::string, Role>& roles) {
  std::map<std::string, int> known;
  return std::any_of(roles.begin(), roles.end(),
                     [&](const auto& role) { return depth_of(roles, role.first, known) > kRoleDepthMax; });
}

constexpr stator_arg kCreateArgs[] = {
    caller_arg(),
    role_arg(),
    make_arg(STATOR_ARG_STRVEC, "inherits", "Roles whose grants it has too: built-in ones, or of this tenant.",
             {.min = 0, .max = kRoleParentsMax}),
    make_arg(STATOR_ARG_BOOL, "replace", "Give an existing role these parents; its own grants stay.",
             {.default_json = "false"}),
    tenant_arg(),
};

Status check_parents(const Request& request, const Role& role, Reply& reply) {
  for (const std::string& parent : role.inherits) {
    if (parent == kSuperuser) {
      return reply.fail(STATOR_E_REJECTED_AUTHZ, "inherits", "nothing inherits from 'superuser'; grant_role gives it");
    }
    if (parent != role.name && !role_exists(request.kv(), role.tenant, parent)) {
      return reply.fail(STATOR_E_NOT_FOUND, "inherits", "no such role in this tenant: " + parent.substr(0, 64));
    }
  }
  const auto roles = roles_of(request.kv(), role.tenant, &role);
  if (roles.size() > kRolesPerTenantMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "role", "a tenant has at most 256 roles");
  }
  if (!is_too_deep(roles)) return STATOR_OK;
  return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "inherits",
                    "roles would inherit in a circle, or over more than 8 steps");
}

Status role_create(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  Role role;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 4, role.tenant, reply, code)) return code;
  const bool exists = find_role(request.kv(), role.tenant, args.str(1), role);
  if (is_builtin(args.str(1)) || (exists && !args.boolean(3))) {
    return reply.fail(STATOR_E_DUPLICATE_WRITE, "role", "a role of that name exists");
  }
  role.name = args.str(1);
  role.inherits.clear();
  for (std::size_t i = 0; i < args.count(2); ++i) role.inherits.emplace_back(args.str_at(2, i));
  code = check_parents(request, role, reply);
  if (code != STATOR_OK) return code;
  put(request, records, kSpaceRole, role_key(role.tenant, role.name), write(role));
  reply.json().begin_object().field("role", std::string_view(role.name)).field("tenant", role.tenant).end_object();
  return STATOR_OK;
}

const SystemOp kRoleCreate = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "role_create",
             .doc = "Adds a role to a tenant, or changes its parents. A new role grants nothing of its own.",
             .result = "{role,tenant}",
             .example = R"({"op":"role_create","role":"clerk","inherits":["readonly"]})",
             .args = kCreateArgs}),
    nullptr, &role_create};

constexpr stator_arg kRoleArgs[] = {caller_arg(), role_arg(), tenant_arg()};

// Who has this role, or is about it: the name of a user, a role or a row policy.
std::string holder_of(const Kv& kv, const Role& role) {
  for (const auto& [name, other] : roles_of(kv, role.tenant)) {
    if (has(other.inherits, role.name)) return "role '" + name + "' inherits it";
  }
  for (Cursor cursor = kv.scan(kSpaceUser); cursor.next();) {
    const User user = read_user(cursor.value());
    if (user.tenant == role.tenant && has(user.roles, role.name)) return "user '" + user.username + "' has it";
  }
  const std::string from = tenant_key(role.tenant);
  for (Cursor cursor = kv.scan(kSpaceRowPolicy, {.lower = from}); cursor.next();) {
    if (!cursor.key().starts_with(from)) break;
    const RowPolicy policy = read_row_policy(cursor.value());
    if (has(policy.roles, role.name)) return "row policy '" + policy.name + "' is about it";
  }
  return {};
}

Status role_drop(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  std::uint32_t tenant = 0;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 2, tenant, reply, code)) return code;
  Role role;
  if (!find_role(request.kv(), tenant, request.args().str(1), role)) return no_such_role(reply);
  const std::string holder = holder_of(request.kv(), role);
  if (!holder.empty()) return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "role", "the role is in use: " + holder);
  erase(request, records, kSpaceRole, role_key(tenant, role.name));
  reply.json().begin_object().field("dropped", true).end_object();
  return STATOR_OK;
}

const SystemOp kRoleDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "role_drop",
             .doc = "Removes a role that nobody has, no role inherits and no row policy is about.",
             .result = "{dropped}",
             .example = R"({"op":"role_drop","role":"clerk"})",
             .args = kRoleArgs}),
    nullptr, &role_drop};

constexpr stator_arg kListArgs[] = {caller_arg(), tenant_arg()};

Status role_list(const SystemEngine&, const Request& request, Reply& reply) {
  std::uint32_t tenant = 0;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 1, tenant, reply, code)) return code;
  json::Writer json = reply.json();
  json.begin_object().key("roles").begin_array();
  for (const auto& [name, role] : roles_of(request.kv(), tenant)) json.raw(write(role));
  json.end_array().end_object();
  return STATOR_OK;
}

const SystemOp kRoleList = {make_op({.op_class = STATOR_OP_READ,
                                     .permission = STATOR_PERM_ADMIN,
                                     .placement = STATOR_PLACE_COLLECTION,
                                     .cost = STATOR_COST_SCAN,
                                     .name = "role_list",
                                     .doc = "Lists a tenant's own roles with their grants.",
                                     .result = "{roles:[{name,tenant,inherits,grants:[{collection,classes}]}]}",
                                     .example = R"({"op":"role_list"})",
                                     .args = kListArgs}),
                            &role_list};

constexpr stator_arg kGrantArgs[] = {
    caller_arg(),
    role_arg(),
    make_enum("class", "read; write; admin: create, drop and alter.", kClasses, {.flags = STATOR_ARG_REQUIRED}),
    make_arg(STATOR_ARG_STR, "on", "A collection; default: every collection of the tenant.",
             {.min = 1, .max = double{kCollectionNameBytesMax}}),
    tenant_arg(),
};

// What both ops do: find the role, let `change` change the grant, store it.
template <class ChangeGrant>
Status change_grant(const Request& request, Records& records, Reply& reply, ChangeGrant&& change) {
  const Args args = request.args();
  std::uint32_t tenant = 0;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 4, tenant, reply, code)) return code;
  Role role;
  if (!find_role(request.kv(), tenant, args.str(1), role)) {
    if (!is_builtin(args.str(1))) return no_such_role(reply);
    return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "role", "a built-in role is what it is; make one that inherits it");
  }
  const std::string on(args.str(3));
  auto grant = std::find_if(role.grants.begin(), role.grants.end(),
                            [&](const Grant& entry) { return entry.collection == on; });
  if (grant == role.grants.end()) grant = role.grants.insert(grant, {on, {}});
  code = change(*grant, kClasses[args.u64(2)]);
  if (code != STATOR_OK) return code;
  if (grant->classes.empty()) role.grants.erase(grant);
  if (role.grants.size() > kGrantsPerRoleMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "on", "a role has grants on at most 256 collections");
  }
  const std::string stored = write(role);
  put(request, records, kSpaceRole, role_key(tenant, role.name), stored);
  reply.write(stored);
  return STATOR_OK;
}

Status grant_permission(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  return change_grant(request, records, reply, [](Grant& grant, const char* name) {
    if (!has(grant.classes, name)) grant.classes.emplace_back(name);
    return STATOR_OK;
  });
}

const SystemOp kGrantPermission = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "grant_permission",
             .doc = "Lets a role do a class of ops, in one collection or in all of its tenant. In force at once.",
             .result = "{name,tenant,inherits,grants}",
             .example = R"({"op":"grant_permission","role":"clerk","class":"write","on":"orders"})",
             .args = kGrantArgs}),
    nullptr, &grant_permission};

Status revoke_permission(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  return change_grant(request, records, reply, [&](Grant& grant, const char* name) -> Status {
    if (std::erase(grant.classes, name) != 0) return STATOR_OK;
    return reply.fail(STATOR_E_NOT_FOUND, "class", "the role has no such grant of its own");
  });
}

const SystemOp kRevokePermission = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "revoke_permission",
             .doc = "Takes a grant back. In force at once, also for open connections.",
             .result = "{name,tenant,inherits,grants}",
             .example = R"({"op":"revoke_permission","role":"clerk","class":"write","on":"orders"})",
             .args = kGrantArgs}),
    nullptr, &revoke_permission};

const SystemOp* const kOps[] = {&kRoleCreate, &kRoleDrop, &kRoleList, &kGrantPermission, &kRevokePermission};

}  // namespace

std::span<const SystemOp* const> role_ops() { return kOps; }

}  // namespace stator::system
