// The engine's class, its op rows, and what the ops share: who calls, and what is stored.
#pragma once

#include <memory>
#include <span>

#include "stator/engine.hpp"
#include "system/stored_form.h"

namespace stator::system {

struct SystemEngine {
  static EngineDescription<SystemEngine> describe();
  static std::unique_ptr<SystemEngine> open(const Open& open);
  void apply(const Record& record, KvWriter& kv);
  std::vector<std::string>
      serving;  // ids of the engines of this server, as the kernel says in config
};
using SystemOp = Op<SystemEngine>;

std::span<const SystemOp* const> user_ops();
std::span<const SystemOp* const> role_ops();
std::span<const SystemOp* const> tenant_ops();
std::span<const SystemOp* const> api_key_ops();
std::span<const SystemOp* const> row_policy_ops();
std::span<const SystemOp* const> collection_engine_ops();

// First argument of every row. The gate writes it, whatever the client sent: the caller's tenant,
// with bit 32 for a superuser.
inline constexpr std::size_t kCallerArg = 0;
constexpr stator_arg caller_arg() {
  return make_arg(STATOR_ARG_U64, "_caller", "Who asks; set by the gate.", {.default_json = "0"});
}

struct Caller {
  std::uint32_t tenant = 0;
  bool is_superuser = false;
};
Caller caller_of(const Request& request);

constexpr stator_arg name_arg(const char* name, const char* doc) {
  return make_arg(STATOR_ARG_STR, name, doc, {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 64});
}
constexpr stator_arg tenant_arg() {
  return make_arg(STATOR_ARG_U64, "tenant", "Id of the tenant; default: the caller's own.",
                  {.min = 1, .max = 4294967295.0});
}

// The tenant an op concerns. False: refused into `reply`, `code` is to be returned.
bool resolve_tenant(const Request& request, std::size_t arg, std::uint32_t& tenant, Reply& reply, Status& code);

bool find_user(const Kv& kv, std::string_view name, User& user);
bool find_role(const Kv& kv, std::uint32_t tenant, std::string_view name, Role& role);
bool find_tenant(const Kv& kv, std::uint32_t id, Tenant& tenant);
// A built-in role, or one of the tenant's own.
bool role_exists(const Kv& kv, std::uint32_t tenant, std::string_view name);
bool has(const std::vector<std::string>& list, std::string_view name);
// Whether the caller may see and change this user: its own tenant's, and no superuser but by one.
bool may_manage(const Caller& caller, const User& user);
// The user of this name that the caller may manage; others are not there for it.
bool find_managed(const Request& request, std::string_view name, User& user);
std::size_t count(const Kv& kv, std::uint8_t space, std::size_t stop_at);

void put(const Request& request, Records& records, std::uint8_t space, std::string_view key,
         std::string_view value);
void erase(const Request& request, Records& records, std::uint8_t space, std::string_view key);

}  // namespace stator::system
