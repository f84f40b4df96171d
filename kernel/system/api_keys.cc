#include "system/system_ops.h"

namespace stator::system {
namespace {

constexpr stator_arg key_id_arg() {
  return make_arg(STATOR_ARG_STR, "key_id", "Public part of the key.",
                  {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 32});
}
constexpr stator_arg kPutArgs[] = {
    caller_arg(),
    key_id_arg(),
    make_arg(STATOR_ARG_STR, "secret_hash", "SHA-256 of the secret part, in hex.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_SENSITIVE, .min = 64, .max = 64}),
    name_arg("username", "Name of the user."),
    make_arg(STATOR_ARG_STRVEC, "classes", "Classes of ops it is good for.", {.min = 0, .max = 3}),
    make_arg(STATOR_ARG_STRVEC, "collections", "Collections it is good for.", {.min = 0, .max = 64}),
    make_arg(STATOR_ARG_U64, "expires_ms", "When it ends, Unix milliseconds; 0 = never.", {.default_json = "0"}),
};

Status api_key_put(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  User user;
  if (!find_managed(request, args.str(3), user)) return reply.fail(STATOR_E_NOT_FOUND, "username", "no such user");
  if (count(request.kv(), kSpaceApiKey, kApiKeysMax) == kApiKeysMax) {
    return reply.fail(STATOR_E_RESOURCES_EXHAUSTED, "username", "there are as many keys as there may be");
  }
  ApiKey key{std::string(args.str(1)), std::string(args.str(2)), user.username, {}, {}, args.u64(6)};
  for (std::size_t i = 0; i < args.count(4); ++i) key.classes.emplace_back(args.str_at(4, i));
  for (std::size_t i = 0; i < args.count(5); ++i) key.collections.emplace_back(args.str_at(5, i));
  put(request, records, kSpaceApiKey, key.key_id, write(key));
  reply.json().begin_object().field("key_id", std::string_view(key.key_id)).end_object();
  return STATOR_OK;
}

const SystemOp kApiKeyPut = {make_op({.op_class = STATOR_OP_WRITE,
                                      .permission = STATOR_PERM_ADMIN,
                                      .placement = STATOR_PLACE_COLLECTION,
                                      .name = "_api_key_put",
                                      .doc = "Stores an API key.",
                                      .result = "{key_id}",
                                      .example = "{}",
                                      .args = kPutArgs}),
                             nullptr, &api_key_put};

constexpr stator_arg kListArgs[] = {caller_arg()};

void write_public(json::Writer& json, const ApiKey& key) {
  json.begin_object()
      .field("key_id", std::string_view(key.key_id))
      .field("username", std::string_view(key.username))
      .key("classes")
      .begin_array();
  for (const std::string& name : key.classes) json.string(name);
  json.end_array().key("collections").begin_array();
  for (const std::string& name : key.collections) json.string(name);
  json.end_array().field("expires_ms", key.expires_ms).end_object();
}

Status api_key_list(const SystemEngine&, const Request& request, Reply& reply) {
  json::Writer json = reply.json();
  json.begin_object().key("api_keys").begin_array();
  for (Cursor cursor = request.kv().scan(kSpaceApiKey); cursor.next();) {
    const ApiKey key = read_api_key(cursor.value());
    User user;
    if (find_managed(request, key.username, user)) write_public(json, key);
  }
  json.end_array().end_object();
  return STATOR_OK;
}

const SystemOp kApiKeyList = {
    make_op({.op_class = STATOR_OP_READ,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .cost = STATOR_COST_SCAN,
             .name = "api_key_list",
             .doc = "Lists the API keys of the caller's tenant (a superuser: of all), without their secrets.",
             .result = "{api_keys:[{key_id,username,classes,collections,expires_ms}]}",
             .example = R"({"op":"api_key_list"})",
             .args = kListArgs}),
    &api_key_list};

constexpr stator_arg kDropArgs[] = {caller_arg(), key_id_arg()};

Status api_key_drop(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  std::string_view value;
  const std::string_view key_id = request.args().str(1);
  User user;
  if (!request.kv().get(kSpaceApiKey, key_id, value) ||
      !find_managed(request, read_api_key(value).username, user)) {
    return reply.fail(STATOR_E_NOT_FOUND, "key_id", "no such key");
  }
  erase(request, records, kSpaceApiKey, key_id);
  reply.json().begin_object().field("dropped", true).end_object();
  return STATOR_OK;
}

const SystemOp kApiKeyDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "api_key_drop",
             .doc = "Revokes an API key. Connections that came with it lose their identity at once.",
             .result = "{dropped}",
             .example = R"({"op":"api_key_drop","key_id":"a1b2c3d4e5f60718"})",
             .args = kDropArgs}),
    nullptr, &api_key_drop};

const SystemOp* const kOps[] = {&kApiKeyPut, &kApiKeyList, &kApiKeyDrop};

}  // namespace

std::span<const SystemOp* const> api_key_ops() { return kOps; }

}  // namespace stator::system
