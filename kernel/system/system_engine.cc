#include "system/system_engine.h"

#define STATOR_ENTRY_NAME stator_system_engine_entry
#include "stator/engine.hpp"

namespace stator::system {
namespace {

constexpr std::uint8_t kSpaceUser = 1;
constexpr std::uint8_t kSpaceApiKey = 2;
constexpr std::uint32_t kRecordPut = 1;    // space u8, key size u8, key, value
constexpr std::uint32_t kRecordErase = 2;  // space u8, key size u8, key

constexpr const char* kRoles[] = {"superuser", "readwrite", "readonly", "monitor"};

struct SystemEngine {
  static EngineDescription<SystemEngine> describe();
  static std::unique_ptr<SystemEngine> open(const Open&) { return std::make_unique<SystemEngine>(); }
  void apply(const Record& record, KvWriter& kv);
};
using SystemOp = Op<SystemEngine>;

std::string encode_put(std::uint8_t space, std::string_view key, std::string_view value) {
  std::string out;
  out.push_back(static_cast<char>(space));
  out.push_back(static_cast<char>(key.size()));
  return out.append(key).append(value);
}

void SystemEngine::apply(const Record& record, KvWriter& kv) {
  const std::string_view payload = record.payload();
  const auto space = static_cast<std::uint8_t>(payload.at(0));
  const auto key_bytes = static_cast<std::uint8_t>(payload.at(1));
  const std::string_view key = payload.substr(2, key_bytes);
  if (record.type() == kRecordErase) return kv.erase(space, key);
  kv.put(space, record.vshard(), key, payload.substr(2u + key_bytes));
}

constexpr stator_arg username_arg() {
  return make_arg(STATOR_ARG_STR, "username", "Name of the user.",
                  {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 64});
}

// ---- users ----------------------------------------------------------------------------------

constexpr stator_arg kUserPutArgs[] = {
    username_arg(),
    make_arg(STATOR_ARG_STR, "password_hash", "Argon2id hash in PHC form.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_SENSITIVE, .min = 1, .max = 512}),
    make_enum("role", "What the user may do.", kRoles, {.default_json = "\"readwrite\""}),
    make_arg(STATOR_ARG_U64, "tenant", "Tenant whose data the user sees.",
             {.min = 1, .max = 4294967295.0, .default_json = "1"}),
    make_arg(STATOR_ARG_BOOL, "if_absent", "Refuse if the user exists.", {.default_json = "false"}),
};

// Stored value: JSON object {"username","password_hash","role","tenant"}, as _user_get gives it.
Status user_put(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  std::string_view existing;
  if (args.boolean(4) && request.kv().get(kSpaceUser, args.str(0), existing)) {
    return reply.fail(STATOR_E_DUPLICATE_WRITE, "username", "a user of that name exists");
  }
  json::StringOut value;
  json::Writer(value)
      .begin_object()
      .field("username", args.str(0))
      .field("password_hash", args.str(1))
      .field("role", std::string_view(kRoles[args.u64(2)]))
      .field("tenant", args.u64(3))
      .end_object();
  records.add(request.vshard(), kRecordPut, encode_put(kSpaceUser, args.str(0), value.view()));
  reply.json().begin_object().field("username", args.str(0)).end_object();
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

constexpr stator_arg kUserArgs[] = {username_arg()};

Status user_get(const SystemEngine&, const Request& request, Reply& reply) {
  std::string_view value;
  if (!request.kv().get(kSpaceUser, request.args().str(0), value)) {
    return reply.fail(STATOR_E_NOT_FOUND, "username", "no such user");
  }
  reply.write(value);
  return STATOR_OK;
}

const SystemOp kUserGet = {make_op({.op_class = STATOR_OP_READ,
                                    .permission = STATOR_PERM_ADMIN,
                                    .placement = STATOR_PLACE_COLLECTION,
                                    .name = "_user_get",
                                    .doc = "Reads a user.",
                                    .result = "{username,password_hash,role,tenant}",
                                    .example = "{}",
                                    .args = kUserArgs}),
                           &user_get};

// A stored JSON object without the field that holds a secret.
void write_public(json::Writer& writer, std::string_view stored, std::string_view secret) {
  writer.begin_object();
  json::Reader reader(stored);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view value;
    reader.skip(value);
    if (key.text != secret) writer.key(key.text).raw(value);
  }
  writer.end_object();
}

Status list(const Request& request, Reply& reply, std::uint8_t space, const char* name,
            std::string_view secret) {
  json::Writer writer = reply.json();
  writer.begin_object().key(name).begin_array();
  for (Cursor cursor = request.kv().scan(space); cursor.next();) {
    write_public(writer, cursor.value(), secret);
  }
  writer.end_array().end_object();
  return STATOR_OK;
}

Status drop(const Request& request, Records& records, Reply& reply, std::uint8_t space,
            const char* field) {
  std::string_view value;
  const std::string_view key = request.args().str(0);
  if (!request.kv().get(space, key, value)) {
    return reply.fail(STATOR_E_NOT_FOUND, field, "no such entry");
  }
  records.add(request.vshard(), kRecordErase, encode_put(space, key, {}));
  reply.json().begin_object().field("dropped", true).end_object();
  return STATOR_OK;
}

const SystemOp kUserList = {
    make_op({.op_class = STATOR_OP_READ,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "user_list",
             .doc = "Lists the users, without their secrets.",
             .result = "{users:[{username,role,tenant}]}",
             .example = R"({"op":"user_list"})"}),
    [](const SystemEngine&, const Request& request, Reply& reply) {
      return list(request, reply, kSpaceUser, "users", "password_hash");
    }};

const SystemOp kUserDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "user_drop",
             .doc = "Removes a user. Connections it has open go on until they close.",
             .result = "{dropped}",
             .example = R"({"op":"user_drop","username":"anna"})",
             .args = kUserArgs}),
    nullptr,
    [](const SystemEngine&, const Request& request, Records& records, Reply& reply) {
      return drop(request, records, reply, kSpaceUser, "username");
    }};

// ---- API keys -------------------------------------------------------------------------------

constexpr stator_arg key_id_arg() {
  return make_arg(STATOR_ARG_STR, "key_id", "Public part of the key.",
                  {.flags = STATOR_ARG_REQUIRED, .min = 1, .max = 32});
}
constexpr stator_arg kApiKeyPutArgs[] = {
    key_id_arg(),
    make_arg(STATOR_ARG_STR, "secret_hash", "SHA-256 of the secret part, in hex.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_SENSITIVE, .min = 64, .max = 64}),
    username_arg(),
};

Status api_key_put(const SystemEngine&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  std::string_view user;
  if (!request.kv().get(kSpaceUser, args.str(2), user)) {
    return reply.fail(STATOR_E_NOT_FOUND, "username", "no such user");
  }
  json::StringOut value;
  json::Writer(value)
      .begin_object()
      .field("key_id", args.str(0))
      .field("secret_hash", args.str(1))
      .field("username", args.str(2))
      .end_object();
  records.add(request.vshard(), kRecordPut, encode_put(kSpaceApiKey, args.str(0), value.view()));
  reply.json().begin_object().field("key_id", args.str(0)).end_object();
  return STATOR_OK;
}

const SystemOp kApiKeyPut = {make_op({.op_class = STATOR_OP_WRITE,
                                      .permission = STATOR_PERM_ADMIN,
                                      .placement = STATOR_PLACE_COLLECTION,
                                      .name = "_api_key_put",
                                      .doc = "Stores an API key.",
                                      .result = "{key_id}",
                                      .example = "{}",
                                      .args = kApiKeyPutArgs}),
                             nullptr, &api_key_put};

constexpr stator_arg kApiKeyArgs[] = {key_id_arg()};

std::string field_of(std::string_view object, std::string_view name) {
  json::Reader reader(object);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    json::RawString text;
    std::string_view skipped;
    if (key.text == name && reader.peek() == json::Kind::kString && reader.string(text)) {
      return json::unescape(text);
    }
    reader.skip(skipped);
  }
  return {};
}

// Answers the key's hash together with its owner's record.
Status api_key_get(const SystemEngine&, const Request& request, Reply& reply) {
  std::string_view key;
  std::string_view user;
  if (!request.kv().get(kSpaceApiKey, request.args().str(0), key) ||
      !request.kv().get(kSpaceUser, field_of(key, "username"), user)) {
    return reply.fail(STATOR_E_NOT_FOUND, "key_id", "no such key");
  }
  reply.json().begin_object().key("key").raw(key).key("user").raw(user).end_object();
  return STATOR_OK;
}

const SystemOp kApiKeyGet = {make_op({.op_class = STATOR_OP_READ,
                                      .permission = STATOR_PERM_ADMIN,
                                      .placement = STATOR_PLACE_COLLECTION,
                                      .name = "_api_key_get",
                                      .doc = "Reads an API key and its owner.",
                                      .result = "{key,user}",
                                      .example = "{}",
                                      .args = kApiKeyArgs}),
                             &api_key_get};

const SystemOp kApiKeyList = {
    make_op({.op_class = STATOR_OP_READ,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "api_key_list",
             .doc = "Lists the API keys, without their secrets.",
             .result = "{api_keys:[{key_id,username}]}",
             .example = R"({"op":"api_key_list"})"}),
    [](const SystemEngine&, const Request& request, Reply& reply) {
      return list(request, reply, kSpaceApiKey, "api_keys", "secret_hash");
    }};

const SystemOp kApiKeyDrop = {
    make_op({.op_class = STATOR_OP_WRITE,
             .permission = STATOR_PERM_ADMIN,
             .placement = STATOR_PLACE_COLLECTION,
             .name = "api_key_drop",
             .doc = "Revokes an API key. Connections it has open go on until they close.",
             .result = "{dropped}",
             .example = R"({"op":"api_key_drop","key_id":"a1b2c3d4e5f60718"})",
             .args = kApiKeyArgs}),
    nullptr,
    [](const SystemEngine&, const Request& request, Records& records, Reply& reply) {
      return drop(request, records, reply, kSpaceApiKey, "key_id");
    }};

const SystemOp* const kOps[] = {&kUserPut,   &kUserGet,   &kUserList,   &kUserDrop,
                                &kApiKeyPut, &kApiKeyGet, &kApiKeyList, &kApiKeyDrop};

EngineDescription<SystemEngine> SystemEngine::describe() {
  return {"system", "0.1.0", "Stator", "Users and API keys.", kOps, {}};
}

}  // namespace
}  // namespace stator::system

STATOR_DEFINE_ENGINE(stator::system::SystemEngine)
