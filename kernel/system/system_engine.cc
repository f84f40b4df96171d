#include "system/system_engine.h"

#define STATOR_ENTRY_NAME stator_system_engine_entry
#include "system/system_ops.h"

namespace stator::system {

Caller caller_of(const Request& request) {
  const std::uint64_t value = request.args().u64(kCallerArg);
  return {static_cast<std::uint32_t>(value), value >> 32 != 0};
}

bool resolve_tenant(const Request& request, std::size_t arg, std::uint32_t& tenant, Reply& reply,
                    Status& code) {
  const Caller caller = caller_of(request);
  const Args args = request.args();
  tenant = args.has(arg) ? static_cast<std::uint32_t>(args.u64(arg)) : caller.tenant;
  if (tenant != caller.tenant && !caller.is_superuser) {
    code =
        reply.fail(STATOR_E_REJECTED_AUTHZ, "tenant", "another tenant needs the role 'superuser'");
    return false;
  }
  Tenant found;
  if (find_tenant(request.kv(), tenant, found)) return true;
  code = reply.fail(STATOR_E_NOT_FOUND, "tenant", "no such tenant");
  return false;
}

bool find_user(const Kv& kv, std::string_view name, User& user) {
  std::string_view value;
  if (!kv.get(kSpaceUser, name, value)) return false;
  user = read_user(value);
  return true;
}

bool find_role(const Kv& kv, std::uint32_t tenant, std::string_view name, Role& role) {
  std::string_view value;
  if (!kv.get(kSpaceRole, role_key(tenant, name), value)) return false;
  role = read_role(value);
  return true;
}

bool find_tenant(const Kv& kv, std::uint32_t id, Tenant& tenant) {
  std::string_view value;
  tenant = {id, id == 1 ? "default" : "", {}};
  if (kv.get(kSpaceTenant, tenant_key(id), value)) {
    tenant = read_tenant(value);
    return !tenant.is_dropping;
  }
  return id == 1;  // always there
}

bool role_exists(const Kv& kv, std::uint32_t tenant, std::string_view name) {
  Role role;
  return permissions_of_builtin(name).has_value() || find_role(kv, tenant, name, role);
}

bool has(const std::vector<std::string>& list, std::string_view name) {
  for (const std::string& entry : list) {
    if (entry == name) return true;
  }
  return false;
}

bool may_manage(const Caller& caller, const User& user) {
  return caller.is_superuser || (user.tenant == caller.tenant && !has(user.roles, kSuperuser));
}

bool find_managed(const Request& request, std::string_view name, User& user) {
  return find_user(request.kv(), name, user) && may_manage(caller_of(request), user);
}

std::size_t count(const Kv& kv, std::uint8_t space, std::size_t stop_at) {
  std::size_t found = 0;
  for (Cursor cursor = kv.scan(space); found < stop_at && cursor.next();) ++found;
  return found;
}

void put(const Request& request, Records& records, std::uint8_t space, std::string_view key,
         std::string_view value) {
  records.add(request.vshard(), kRecordPut, write_record(space, key, value));
}

void erase(const Request& request, Records& records, std::uint8_t space, std::string_view key) {
  records.add(request.vshard(), kRecordErase, write_record(space, key, {}));
}

void SystemEngine::apply(const Record& record, KvWriter& kv) {
  const Change change = read_record(record.type(), record.payload()).value();
  if (change.is_erase) return kv.erase(change.space, change.key);
  kv.put(change.space, record.vshard(), change.key, change.value);
}

std::unique_ptr<SystemEngine> SystemEngine::open(const Open& open) {
  auto engine = std::make_unique<SystemEngine>();
  json::Reader reader(open.config_json());
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {  // "engines" alone
    json::RawString id;
    for (reader.enter_array(); reader.next_element() && reader.string(id);) {
      engine->serving.push_back(json::unescape(id));
    }
  }
  return engine;
}

EngineDescription<SystemEngine> SystemEngine::describe() {
  static const std::vector<const SystemOp*> kOps = [] {
    std::vector<const SystemOp*> all;
    for (const auto ops : {user_ops(), role_ops(), tenant_ops(), api_key_ops(), row_policy_ops(),
                           collection_engine_ops()}) {
      all.insert(all.end(), ops.begin(), ops.end());
    }
    return all;
  }();
  return {
      "system",
      "0.1.0",
      "Stator",
      "Users, roles, tenants, API keys, row policies, and which engine a collection belongs to.",
      kOps,
      {}};
}

}  // namespace stator::system

STATOR_DEFINE_ENGINE(stator::system::SystemEngine)
