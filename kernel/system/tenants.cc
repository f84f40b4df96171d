#include <charconv>

#include "system/system_ops.h"

namespace stator::system {
namespace {

constexpr double kCountMax = 9007199254740991.0;  // the largest whole number a JSON number holds exactly

constexpr stator_arg limit_arg(const char* name, const char* doc) {
  return make_arg(STATOR_ARG_U64, name, doc, {.min = 0, .max = kCountMax, .default_json = "0"});
}

constexpr stator_arg kCreateArgs[] = {caller_arg(), name_arg("name", "Name of the tenant.")};

// Cursor order is by id.
bool name_is_taken(const Kv& kv, std::string_view name) {
  if (name == "default") return true;
  for (Cursor cursor = kv.scan(kSpaceTenant); cursor.next();) {
    if (read_tenant(cursor.value()).name == name) return true;
  }
  return false;
}

// Ids are never given twice: backups and the log may still hold records of a dropped tenant.
std::uint32_t next_id(const Kv& kv) {
  std::string_view text;
  std::uint32_t last = 1;
  if (kv.get(kSpaceCounter, kLastTenant, text)) std::from_chars(text.data(), text.data() + text.size(), last);
  return last + 1;
}

Status tenant_create(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const std::string_view name = request.args().str(1);
  if (name_is_taken(request.kv(), name)) {
    return reply.fail(STATOR_E_DUPLICATE_WRITE, "name", "a tenant of that name exists");
  }
  const Tenant tenant{next_id(request.kv()), std::string(name), {}};
  if (tenant.id == 0 || count(request.kv(), kSpaceTenant, kTenantsMax) == kTenantsMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "name", "there are as many tenants as there may be");
  }
  put(request, records, kSpaceCounter, kLastTenant, std::to_string(tenant.id));
  put(request, records, kSpaceTenant, tenant_key(tenant.id), write(tenant));
  reply.json().begin_object().field("tenant_id", tenant.id).field("name", name).end_object();
  return STATOR_OK;
}

const SystemOp kTenantCreate = {make_op({.op_class = STATOR_OP_WRITE,
                                         .permission = STATOR_PERM_SERVER,
                                         .placement = STATOR_PLACE_COLLECTION,
                                         .name = "tenant_create",
                                         .doc = "Adds a tenant: data, users and roles of its own.",
                                         .result = "{tenant_id,name}",
                                         .example = R"({"op":"tenant_create","name":"acme"})",
                                         .args = kCreateArgs}),
                                nullptr, &tenant_create};

constexpr stator_arg kDropArgs[] = {
    caller_arg(),
    make_arg(STATOR_ARG_U64, "tenant", "Id of the tenant.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 4294967295.0}),
};

Status tenant_drop(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const auto id = static_cast<std::uint32_t>(request.args().u64(1));
  if (id == 1) return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "tenant", "tenant 1 is always there");
  Tenant tenant;
  if (!find_tenant(request.kv(), id, tenant)) return reply.fail(STATOR_E_NOT_FOUND, "tenant", "no such tenant");
  for (Cursor cursor = request.kv().scan(kSpaceUser); cursor.next();) {
    if (read_user(cursor.value()).tenant != id) continue;
    return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "tenant", "the tenant has users; drop them first");
  }
  // The lanes erase its data and then this entry; until then its name is taken.
  tenant.is_dropping = true;
  tenant.limits = {};
  put(request, records, kSpaceTenant, tenant_key(id), write(tenant));
  const std::string from = tenant_key(id);
  for (const std::uint8_t space : {kSpaceRole, kSpaceRowPolicy, kSpaceCollectionEngine}) {
    for (Cursor cursor = request.kv().scan(space, {.lower = from}); cursor.next();) {
      if (!cursor.key().starts_with(from)) break;
      erase(request, records, space, cursor.key());
    }
  }
  reply.json().begin_object().field("dropped", true).end_object();
  return STATOR_OK;
}

const SystemOp kTenantDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_SERVER,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "tenant_drop",
             .doc =
                 "Removes a tenant without users: its roles and row policies at once, its data in "
                 "the background. tenant_list says 'dropping' until nothing of it is left; its "
                 "name is free then, its id is not given again.",
             .result = "{dropped}",
             .example = R"({"op":"tenant_drop","tenant":4294967295})",
             .args = kDropArgs}),
    nullptr, &tenant_drop};

constexpr stator_arg kListArgs[] = {caller_arg()};

Status tenant_list(const SystemEngine&, const Request& request, Reply& reply) {
  json::Writer json = reply.json();
  json.begin_object().key("tenants").begin_array();
  Tenant first;
  find_tenant(request.kv(), 1, first);
  json.raw(write(first));
  for (Cursor cursor = request.kv().scan(kSpaceTenant); cursor.next();) {
    if (cursor.key() != tenant_key(1)) json.raw(cursor.value());
  }
  json.end_array().end_object();
  return STATOR_OK;
}

const SystemOp kTenantList = {make_op({.op_class = STATOR_OP_READ,
                                       .permission = STATOR_PERM_SERVER,
                                       .placement = STATOR_PLACE_COLLECTION,
                                       .cost = STATOR_COST_SCAN,
                                       .name = "tenant_list",
                                       .doc = "Lists the tenants with their limits (0: none), and "
                                              "those whose data is being removed.",
                                       .result = "{tenants:[{tenant_id,name,limits,dropping?}]}",
                                       .example = R"({"op":"tenant_list"})",
                                       .args = kListArgs}),
                              &tenant_list};

constexpr stator_arg kQuotaArgs[] = {
    caller_arg(),
    make_arg(STATOR_ARG_U64, "tenant", "Id of the tenant.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 4294967295.0}),
    limit_arg("requests_per_s",
              "Requests a second on average, with bursts of one second's worth; 0 = no limit."),
    limit_arg("in_flight", "Requests that are being carried out at one time; 0 = no limit."),
    limit_arg("storage_bytes", "Bytes of keys and values; 0 = no limit."),
    limit_arg("memory_bytes", "Bytes that engines hold in memory for it; 0 = no limit."),
    limit_arg("vector_dims", "Dimensions of a vector in a request; 0 = no limit."),
    limit_arg("walk_depth", "Steps that a walk in a request may go; 0 = no limit."),
};

Status quota_set(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  Tenant tenant;
  if (!find_tenant(request.kv(), static_cast<std::uint32_t>(args.u64(1)), tenant)) {
    return reply.fail(STATOR_E_NOT_FOUND, "tenant", "no such tenant");
  }
  tenant.limits = {args.u64(2), args.u64(3), args.u64(4), args.u64(5), args.u64(6), args.u64(7)};
  const std::string stored = write(tenant);
  put(request, records, kSpaceTenant, tenant_key(tenant.id), stored);
  reply.write(stored);
  return STATOR_OK;
}

const SystemOp kQuotaSet = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_SERVER,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "quota_set",
             .doc = "Sets the limits of a tenant, all of them; those not given are lifted. In force at once.",
             .result = "{tenant_id,name,limits}",
             .example = R"({"op":"quota_set","tenant":1,"requests_per_s":1000000})",
             .args = kQuotaArgs}),
    nullptr, &quota_set};

const SystemOp* const kOps[] = {&kTenantCreate, &kTenantDrop, &kTenantList, &kQuotaSet};

}  // namespace

std::span<const SystemOp* const> tenant_ops() { return kOps; }

}  // namespace stator::system
