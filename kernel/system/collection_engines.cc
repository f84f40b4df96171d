#include "system/system_ops.h"

namespace stator::system {
namespace {

constexpr stator_arg on_arg() {
  return make_arg(STATOR_ARG_STR, "on", "The collection.",
                  {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = double{kCollectionNameBytesMax}});
}
constexpr stator_arg kSetArgs[] = {
    caller_arg(),
    on_arg(),
    make_arg(STATOR_ARG_STR, "engine", "Id of an engine of this server.",
             {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 32}),
    tenant_arg(),
};

Status check_room(const Request& request, std::uint32_t tenant, Reply& reply) {
  const std::string from = tenant_key(tenant);
  std::size_t found = 0;
  for (Cursor cursor = request.kv().scan(kSpaceCollectionEngine, {.lower = from}); cursor.next();) {
    if (!cursor.key().starts_with(from)) break;
    if (++found < kCollectionEnginesPerTenantMax) continue;
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "on",
                      "a tenant has at most 1024 collections that belong to an engine");
  }
  return STATOR_OK;
}

Status collection_engine_set(const SystemEngine& engine, const Request& request, Records& records,
                             Reply& reply) {
  const Args args = request.args();
  CollectionEngine one;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 3, one.tenant, reply, code)) return code;
  one.collection = args.str(1);
  one.engine = args.str(2);
  if (one.collection.find('\0') != std::string::npos) {
    return reply.fail(STATOR_E_BAD_REQUEST, "on",
                      "'on' must be a string of 1 to 128 bytes without NUL");
  }
  if (!has(engine.serving, one.engine)) {
    return reply.fail(STATOR_E_NOT_FOUND, "engine", "this server has no such engine");
  }
  const std::string key = collection_key(one.tenant, one.collection);
  std::string_view old;
  if (!request.kv().get(kSpaceCollectionEngine, key, old))
    code = check_room(request, one.tenant, reply);
  if (code != STATOR_OK) return code;
  const std::string stored = write(one);
  put(request, records, kSpaceCollectionEngine, key, stored);
  reply.write(stored);
  return STATOR_OK;
}

const SystemOp kCollectionEngineSet = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "collection_engine_set",
             .doc = "Says to which engine a collection belongs: names that several engines have "
                    "mean that engine's op there, and where the engine does not serve, the "
                    "collection answers engine_missing. Moves no data; in force at once.",
             .result = "{on,tenant,engine}",
             .example = R"({"op":"collection_engine_set","on":"orders","engine":"document"})",
             .args = kSetArgs}),
    nullptr, &collection_engine_set};

constexpr stator_arg kDropArgs[] = {caller_arg(), on_arg(), tenant_arg()};

Status collection_engine_drop(const SystemEngine&, const Request& request, Records& records,
                              Reply& reply) {
  std::uint32_t tenant = 0;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 2, tenant, reply, code)) return code;
  const std::string key = collection_key(tenant, request.args().str(1));
  std::string_view stored;
  if (!request.kv().get(kSpaceCollectionEngine, key, stored)) {
    return reply.fail(STATOR_E_NOT_FOUND, "on", "the collection belongs to no engine");
  }
  erase(request, records, kSpaceCollectionEngine, key);
  reply.json().begin_object().field("dropped", true).end_object();
  return STATOR_OK;
}

const SystemOp kCollectionEngineDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "collection_engine_drop",
             .doc = "The collection belongs to no engine any more. Moves no data.",
             .result = "{dropped}",
             .example = R"({"op":"collection_engine_drop","on":"orders"})",
             .args = kDropArgs}),
    nullptr, &collection_engine_drop};

constexpr stator_arg kListArgs[] = {caller_arg(), tenant_arg()};

Status collection_engine_list(const SystemEngine&, const Request& request, Reply& reply) {
  std::uint32_t tenant = 0;
  Status code = STATOR_OK;
  if (!resolve_tenant(request, 1, tenant, reply, code)) return code;
  const std::string from = tenant_key(tenant);
  json::Writer json = reply.json();
  json.begin_object().key("collections").begin_array();
  for (Cursor cursor = request.kv().scan(kSpaceCollectionEngine, {.lower = from}); cursor.next();) {
    if (!cursor.key().starts_with(from)) break;
    json.raw(cursor.value());
  }
  json.end_array().end_object();
  return STATOR_OK;
}

const SystemOp kCollectionEngineList = {
    make_op({.op_class = STATOR_OP_READ,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .cost = STATOR_COST_SCAN,
             .name = "collection_engine_list",
             .doc = "Lists a tenant's collections that belong to an engine, by name.",
             .result = "{collections:[{on,tenant,engine}]}",
             .example = R"({"op":"collection_engine_list"})",
             .args = kListArgs}),
    &collection_engine_list};

const SystemOp* const kOps[] = {&kCollectionEngineSet, &kCollectionEngineDrop,
                                &kCollectionEngineList};

}  // namespace

std::span<const SystemOp* const> collection_engine_ops() { return kOps; }

}  // namespace stator::system
