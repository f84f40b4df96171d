#include <algorithm>

#include "system/system_ops.h"

namespace stator::system {
namespace {

constexpr stator_arg secret_arg(const char* name, const char* doc) {
  return make_arg(STATOR_ARG_STR, name, doc, {.flags = STATOR_ARG_SENSITIVE, .min = 1, .max = 512});
}

// The first arguments of both rows that store a secret.
namespace secret_args {
enum : std::size_t { kCaller, kUsername, kHash, kIterations, kSalt, kStoredKey, kServerKey, kCount };
}
void take_secret(const Args& args, User& user) {
  user.password_hash = args.str(secret_args::kHash);
  user.scram = {static_cast<std::uint32_t>(args.u64(secret_args::kIterations)),
                std::string(args.str(secret_args::kSalt)), std::string(args.str(secret_args::kStoredKey)),
                std::string(args.str(secret_args::kServerKey))};
}

constexpr stator_arg kUserPutArgs[] = {
    caller_arg(),
    name_arg("username", "Name of the user."),
    secret_arg("password_hash", "Argon2id hash in PHC form."),
    make_arg(STATOR_ARG_U64, "iterations", "SCRAM: passes of PBKDF2.", {.default_json = "0"}),
    secret_arg("salt", "SCRAM: base64."),
    secret_arg("stored_key", "SCRAM: base64."),
    secret_arg("server_key", "SCRAM: base64."),
    name_arg("role", "First role of the user."),
    tenant_arg(),
    make_arg(STATOR_ARG_BOOL, "if_absent", "Refuse if the user exists.", {.default_json = "false"}),
};
enum : std::size_t { kRole = secret_args::kCount, kTenant, kIfAbsent };

Status no_such_user(Reply& reply) { return reply.fail(STATOR_E_NOT_FOUND, "username", "no such user"); }

bool is_last_superuser(const Kv& kv, const User& user) {
  if (!has(user.roles, kSuperuser)) return false;
  for (Cursor cursor = kv.scan(kSpaceUser); cursor.next();) {
    const User other = read_user(cursor.value());
    if (other.username != user.username && has(other.roles, kSuperuser)) return false;
  }
  return true;
}

Status user_put(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  const Caller caller = caller_of(request);
  User user;
  user.username = args.str(secret_args::kUsername);
  Status code = STATOR_OK;
  if (!resolve_tenant(request, kTenant, user.tenant, reply, code)) return code;
  User existing;
  const bool exists = find_user(request.kv(), user.username, existing);
  if (exists && args.boolean(kIfAbsent)) {
    return reply.fail(STATOR_E_DUPLICATE_WRITE, "username", "a user of that name exists");
  }
  if (exists && !may_manage(caller, existing)) {
    return reply.fail(STATOR_E_REJECTED_AUTHZ, "username", "this user is not the caller's to replace");
  }
  if (!exists && count(request.kv(), kSpaceUser, kUsersMax) == kUsersMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "username", "there are as many users as there may be");
  }
  user.roles.emplace_back(args.str(kRole));
  if (user.roles[0] == kSuperuser && !caller.is_superuser) {
    return reply.fail(STATOR_E_REJECTED_AUTHZ, "role", "only a superuser makes superusers");
  }
  if (!role_exists(request.kv(), user.tenant, user.roles[0])) {
    return reply.fail(STATOR_E_NOT_FOUND, "role", "no such role in the user's tenant");
  }
  if (exists && user.roles[0] != kSuperuser && is_last_superuser(request.kv(), existing)) {
    return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "role", "it is the last superuser");
  }
  take_secret(args, user);
  put(request, records, kSpaceUser, user.username, write(user));
  reply.json().begin_object().field("username", std::string_view(user.username)).end_object();
  return STATOR_OK;
}

const SystemOp kUserPut = {make_op({.op_class = STATOR_OP_WRITE,
                                    .permission = STATOR_PERM_ADMIN,
                                    .placement = STATOR_PLACE_COLLECTION,
                                    .name = "_user_put",
                                    .doc = "Stores a user.",
                                    .result = "{username}",
                                    .example = "{}",
                                    .args = kUserPutArgs}),
                           nullptr, &user_put};

Status user_secret(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  User user;
  if (!find_managed(request, request.args().str(secret_args::kUsername), user)) return no_such_user(reply);
  take_secret(request.args(), user);
  put(request, records, kSpaceUser, user.username, write(user));
  reply.json().begin_object().field("username", std::string_view(user.username)).end_object();
  return STATOR_OK;
}

const SystemOp kUserSecret = {make_op({.op_class = STATOR_OP_WRITE,
                                       .permission = STATOR_PERM_ADMIN,
                                       .placement = STATOR_PLACE_COLLECTION,
                                       .name = "_user_secret",
                                       .doc = "Replaces what is kept of a user's password.",
                                       .result = "{username}",
                                       .example = "{}",
                                       .args = std::span(kUserPutArgs).first(secret_args::kCount)}),
                              nullptr, &user_secret};

constexpr stator_arg kCallerArgs[] = {caller_arg()};

const SystemOp kUserList = {
    make_op({.op_class = STATOR_OP_READ,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .cost = STATOR_COST_SCAN,
             .name = "user_list",
             .doc = "Lists the users of the caller's tenant (a superuser: of all), without their secrets.",
             .result = "{users:[{username,roles,tenant}]}",
             .example = R"({"op":"user_list"})",
             .args = kCallerArgs}),
    [](const SystemEngine&, const Request& request, Reply& reply) -> Status {
      const Caller caller = caller_of(request);
      json::Writer json = reply.json();
      json.begin_object().key("users").begin_array();
      for (Cursor cursor = request.kv().scan(kSpaceUser); cursor.next();) {
        const User user = read_user(cursor.value());
        if (!caller.is_superuser && user.tenant != caller.tenant) continue;
        json.begin_object().field("username", std::string_view(user.username)).key("roles").begin_array();
        for (const std::string& role : user.roles) json.string(role);
        json.end_array().field("tenant", user.tenant).end_object();
      }
      json.end_array().end_object();
      return STATOR_OK;
    }};

constexpr stator_arg kUserArgs[] = {caller_arg(), name_arg("username", "Name of the user.")};

Status user_drop(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  User user;
  if (!find_managed(request, request.args().str(1), user)) return no_such_user(reply);
  if (is_last_superuser(request.kv(), user)) {
    return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "username", "it is the last superuser");
  }
  erase(request, records, kSpaceUser, user.username);
  for (Cursor cursor = request.kv().scan(kSpaceApiKey); cursor.next();) {
    if (read_api_key(cursor.value()).username == user.username) erase(request, records, kSpaceApiKey, cursor.key());
  }
  reply.json().begin_object().field("dropped", true).end_object();
  return STATOR_OK;
}

const SystemOp kUserDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "user_drop",
             .doc = "Removes a user and its API keys. Its open connections lose their identity at once.",
             .result = "{dropped}",
             .example = R"({"op":"user_drop","username":"anna"})",
             .args = kUserArgs}),
    nullptr, &user_drop};

constexpr stator_arg kUserRoleArgs[] = {caller_arg(), name_arg("username", "Name of the user."),
                                        name_arg("role", "A built-in role, or one of the user's tenant.")};

Status answer_roles(const Request& request, Records& records, const User& user, Reply& reply) {
  put(request, records, kSpaceUser, user.username, write(user));
  json::Writer json = reply.json();
  json.begin_object().key("roles").begin_array();
  for (const std::string& role : user.roles) json.string(role);
  json.end_array().end_object();
  return STATOR_OK;
}

Status grant_role(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const std::string_view role = request.args().str(2);
  User user;
  if (!find_managed(request, request.args().str(1), user)) return no_such_user(reply);
  if (role == kSuperuser && !caller_of(request).is_superuser) {
    return reply.fail(STATOR_E_REJECTED_AUTHZ, "role", "only a superuser makes superusers");
  }
  if (!role_exists(request.kv(), user.tenant, role)) {
    return reply.fail(STATOR_E_NOT_FOUND, "role", "no such role in the user's tenant");
  }
  if (!has(user.roles, role)) user.roles.emplace_back(role);
  if (user.roles.size() > kRolesPerUserMax) {
    return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "role", "a user has at most 16 roles");
  }
  return answer_roles(request, records, user, reply);
}

const SystemOp kGrantRole = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "grant_role",
             .doc = "Gives a user a further role. Its open connections have it at once.",
             .result = "{roles}",
             .example = R"({"op":"grant_role","username":"anna","role":"readonly"})",
             .args = kUserRoleArgs}),
    nullptr, &grant_role};

Status revoke_role(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const std::string_view role = request.args().str(2);
  User user;
  if (!find_managed(request, request.args().str(1), user)) return no_such_user(reply);
  if (!has(user.roles, role)) return reply.fail(STATOR_E_NOT_FOUND, "role", "the user does not have this role");
  if (role == kSuperuser && is_last_superuser(request.kv(), user)) {
    return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "role", "it is the last superuser");
  }
  std::erase(user.roles, role);
  return answer_roles(request, records, user, reply);
}

const SystemOp kRevokeRole = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "revoke_role",
             .doc = "Takes a role from a user. Its open connections lose it at once.",
             .result = "{roles}",
             .example = R"({"op":"revoke_role","username":"anna","role":"readonly"})",
             .args = kUserRoleArgs}),
    nullptr, &revoke_role};

const SystemOp* const kOps[] = {&kUserPut, &kUserSecret, &kUserList, &kUserDrop, &kGrantRole, &kRevokeRole};

}  // namespace

std::span<const SystemOp* const> user_ops() { return kOps; }

}  // namespace stator::system
