#define STATOR_ENTRY_NAME toy_entry

#include "toy_engine.h"

#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "stator/engine.hpp"

namespace {

using stator::Args;
using stator::make_arg;
using stator::make_op;
using stator::Op;
using stator::Parts;
using stator::Records;
using stator::Reply;
using stator::Request;
using stator::Status;

constexpr std::uint8_t kItems = 1;
constexpr std::uint8_t kPolicy = 2;
constexpr std::uint32_t kPut = 1;
constexpr std::uint32_t kErase = 2;
constexpr std::uint32_t kSetPolicy = 3;
constexpr std::uint32_t kBreak = 4;

class Toy {
 public:
  static stator::EngineDescription<Toy> describe();
  static std::unique_ptr<Toy> open(const stator::Open& open) {
    if (open.config_json().find("refuse") != std::string_view::npos) {
      throw stator::OpenError("refused as the config asks");
    }
    auto toy = std::make_unique<Toy>();
    open.visit_all(kItems, [&](const stator::StoredEntry&) { ++toy->item_count; });
    return toy;
  }
  void apply(const stator::Record& record, stator::KvWriter& kv);

  std::uint64_t item_count = 0;  // derived state: of this lane, over all tenants
};

// A record: key, NUL, value.
std::string pack(std::string_view key, std::string_view value) {
  return std::string(key) + '\0' + std::string(value);
}

void break_rule(std::string_view rule, const stator::Record& record, stator::KvWriter& kv) {
  const std::uint32_t other = (record.vshard() + 1) % 1024;
  if (rule == "long_key") kv.put(kItems, record.vshard(), std::string(361, 'k'), "v");
  if (rule == "empty_key") kv.put(kItems, record.vshard(), "", "v");
  if (rule == "other_lane") kv.put(kItems, other, "k", "v");
  if (rule == "apply_throws") throw std::runtime_error("no");
  if (rule == "stale_cursor") {
    auto cursor = kv.scan(kItems);
    kv.put(kItems, record.vshard(), "k", "v");
    cursor.next();
  }
}

void Toy::apply(const stator::Record& record, stator::KvWriter& kv) {
  const std::string_view payload = record.payload();
  const std::size_t nul = payload.find('\0');
  const std::string_view key = payload.substr(0, nul);
  const std::string_view value = payload.substr(nul + 1);
  std::string_view old;
  switch (record.type()) {
    case kPut:
      if (!kv.get(kItems, key, old)) ++item_count;
      kv.put(kItems, record.vshard(), key, value);
      break;
    case kErase:
      if (kv.get(kItems, key, old)) --item_count;
      kv.erase(kItems, key);
      break;
    case kSetPolicy:
      kv.put(kPolicy, STATOR_VSHARD_EVERY, "policy", value);
      break;
    default:
      break_rule(value, record, kv);
  }
}

// ---- ops ----------------------------------------------------------------------------------------

constexpr std::array kPutArgs = {
    make_arg(STATOR_ARG_STR, "key", "Name of the item.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 300}),
    make_arg(STATOR_ARG_STR, "value", "What to keep.", {.default_json = "\"\""}),
};
Status put(const Toy&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  if (args.str(1) == "refuse") return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "value", "refused");
  if (args.str(1) == "refuse_plainly") return STATOR_E_REJECTED_CONSTRAINT;
  if (args.str(1) == "unknown_status") return 123456;
  if (args.str(1) != "no_record")
    records.add(request.vshard(), kPut, pack(args.str(0), args.str(1)));
  auto json = reply.json();
  json.begin_object().key("lsn");
  reply.lsn(json);
  json.field("time_ms", request.time_ms()).end_object();
  return STATOR_OK;
}
constexpr const char* kPutAliases[] = {"store", nullptr};
const Op<Toy> kPutOp = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                        .permission = STATOR_PERM_WRITE,
                                        .placement = STATOR_PLACE_DOCUMENT,
                                        .name = "put",
                                        .doc = "Keeps an item.",
                                        .result = "{lsn}",
                                        .example = "{}",
                                        .args = kPutArgs,
                                        .aliases = kPutAliases}),
                        .prepare = &put};

constexpr std::array kKeyArgs = {
    make_arg(STATOR_ARG_STR, "key", "Name of the item.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 300}),
};
Status get(const Toy&, const Request& request, Reply& reply) {
  std::string_view value;
  if (!request.kv().get(kItems, request.args().str(0), value)) {
    return reply.fail(STATOR_E_NOT_FOUND, "key", "no such item");
  }

  reply.json().string(value);
  return STATOR_OK;
}
const Op<Toy> kGetOp = {.row = make_op({.op_class = STATOR_OP_READ,
                                        .permission = STATOR_PERM_READ,
                                        .placement = STATOR_PLACE_DOCUMENT,
                                        .name = "get",
                                        .doc = "Reads an item.",
                                        .result = "value",
                                        .example = "{}",
                                        .args = kKeyArgs}),
                        .read = &get};

Status remove(const Toy&, const Request& request, Records& records, Reply& reply) {
  records.add(request.vshard(), kErase, pack(request.args().str(0), ""));
  reply.json().null();
  return STATOR_OK;
}
const Op<Toy> kRemoveOp = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                           .permission = STATOR_PERM_WRITE,
                                           .placement = STATOR_PLACE_DOCUMENT,
                                           .name = "remove",
                                           .doc = "Removes an item.",
                                           .result = "null",
                                           .example = "{}",
                                           .args = kKeyArgs}),
                           .prepare = &remove};

constexpr std::array kRowFields = {
    make_arg(STATOR_ARG_STR, "key", "Name of the item.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY, .min = 1, .max = 300}),
    make_arg(STATOR_ARG_STR, "value", "What to keep.", {}),
    make_arg(STATOR_ARG_F32VEC, "vector", "Some numbers.", {}),
};
constexpr std::array kPutManyArgs = {
    stator::make_rows("items", "The items.", kRowFields, {.flags = STATOR_ARG_REQUIRED}),
};
Status put_many(const Toy&, const Request& request, Records& records, Reply& reply) {
  const Args args = request.args();
  for (std::size_t i = 0; i < args.count(0); ++i) {
    const Args row = args.row(0, i);
    if (row.str(1) == "refuse")
      return reply.fail(STATOR_E_REJECTED_CONSTRAINT, "items", row.str(0));
    records.add(row.vshard(), kPut, pack(row.str(0), row.str(1)));
  }
  auto json = reply.json();
  json.begin_object().field("count", std::uint64_t{args.count(0)}).key("lsn");
  reply.lsn(json);
  json.end_object();
  return STATOR_OK;
}
Status concat(const Toy&, const Request&, const Parts& parts, Reply& reply) {
  auto json = reply.json();
  json.begin_array();
  for (std::size_t i = 0; i < parts.size(); ++i) json.raw(parts[i]);
  json.end_array();
  return STATOR_OK;
}
const Op<Toy> kPutManyOp = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                            .permission = STATOR_PERM_WRITE,
                                            .placement = STATOR_PLACE_ROWS,
                                            .name = "put_many",
                                            .doc = "Keeps items.",
                                            .result = "[{count, lsn}]",
                                            .example = "{}",
                                            .args = kPutManyArgs}),
                            .prepare = &put_many,
                            .merge = &concat};

Status count(const Toy& toy, const Request&, Reply& reply) {
  reply.json().number(toy.item_count);
  return STATOR_OK;
}
Status sum(const Toy&, const Request&, const Parts& parts, Reply& reply) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::uint64_t part = 0;
    stator::json::to_integer(parts[i], part);
    total += part;
  }
  reply.json().number(total);
  return STATOR_OK;
}
const Op<Toy> kCountOp = {.row = make_op({.op_class = STATOR_OP_READ,
                                          .permission = STATOR_PERM_READ,
                                          .placement = STATOR_PLACE_ALL,
                                          .name = "count",
                                          .doc = "Counts the items of all lanes.",
                                          .result = "number",
                                          .example = "{}"}),
                          .read = &count,
                          .merge = &sum};

constexpr std::array kScanArgs = {
    make_arg(STATOR_ARG_STR, "lower", "From.", {}),
    make_arg(STATOR_ARG_STR, "upper", "To.", {}),
    make_arg(STATOR_ARG_BOOL, "reverse", "Backwards.", {.default_json = "false"}),
};
Status scan(const Toy&, const Request& request, Reply& reply) {
  const Args args = request.args();
  auto json = reply.json();
  json.begin_array();
  auto cursor = request.kv().scan(
      kItems, {.lower = args.str(0), .upper = args.str(1), .reverse = args.boolean(2)});
  while (cursor.next()) json.string(cursor.key());
  json.end_array();
  return STATOR_OK;
}
const Op<Toy> kScanOp = {.row = make_op({.op_class = STATOR_OP_READ,
                                         .permission = STATOR_PERM_READ,
                                         .placement = STATOR_PLACE_ALL,
                                         .name = "scan",
                                         .doc = "Keys in order, per lane.",
                                         .result = "[[key]]",
                                         .example = "{}",
                                         .args = kScanArgs}),
                         .read = &scan,
                         .merge = &concat};

constexpr std::array kPolicyArgs = {
    make_arg(STATOR_ARG_JSON, "policy", "The policy.",
             {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_JSON_OBJECT}),
};
Status set_policy(const Toy&, const Request& request, Records& records, Reply& reply) {
  records.add(STATOR_VSHARD_EVERY, kSetPolicy, pack("policy", request.args().str(0)));
  auto json = reply.json();
  reply.lsn(json);
  return STATOR_OK;
}
const Op<Toy> kSetPolicyOp = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                              .permission = STATOR_PERM_ALTER,
                                              .placement = STATOR_PLACE_ALL,
                                              .name = "set_policy",
                                              .doc = "Sets what every lane keeps.",
                                              .result = "[lsn]",
                                              .example = "{}",
                                              .args = kPolicyArgs}),
                              .prepare = &set_policy,
                              .merge = &concat};

constexpr std::array<const char*, 2> kColours = {"red", "blue"};
constexpr std::array kEchoArgs = {
    make_arg(STATOR_ARG_STR, "str", "S.", {.min = 2, .max = 4, .alias = "text"}),
    make_arg(STATOR_ARG_BYTES, "bytes", "B.", {}),
    make_arg(STATOR_ARG_I64, "i64", "I.", {.min = -5, .max = 5}),
    make_arg(STATOR_ARG_U64, "u64", "U.", {.default_json = "7"}),
    make_arg(STATOR_ARG_F64, "f64", "F.", {.flags = STATOR_ARG_NULLABLE, .min = 0, .max = 1}),
    make_arg(STATOR_ARG_BOOL, "bool", "B.", {}),
    stator::make_enum("colour", "E.", kColours, {.default_json = "\"blue\""}),
    make_arg(STATOR_ARG_F32VEC, "vector", "V.", {}),
    make_arg(STATOR_ARG_STRVEC, "names", "N.", {.min = 0, .max = 3}),
    make_arg(STATOR_ARG_JSON, "array", "J.", {.flags = STATOR_ARG_JSON_ARRAY}),
    make_arg(STATOR_ARG_JSON, "any", "J.", {}),
    make_arg(STATOR_ARG_U64, "wide", "W.", {}),
    make_arg(STATOR_ARG_I64, "signed", "S.", {}),
};
void echo_value(const Args& args, std::size_t i, stator::json::Writer& json) {
  switch (kEchoArgs[i].type) {
    case STATOR_ARG_I64:
      json.number(args.i64(i));
      return;
    case STATOR_ARG_U64:
    case STATOR_ARG_ENUM:
      json.number(args.u64(i));
      return;
    case STATOR_ARG_F64:
      json.number(args.f64(i));
      return;
    case STATOR_ARG_BOOL:
      json.boolean(args.boolean(i));
      return;
    case STATOR_ARG_JSON:
      json.raw(args.str(i));
      return;
    case STATOR_ARG_F32VEC:
      json.begin_array();
      for (const float number : args.f32vec(i)) json.number(number);
      json.end_array();
      return;
    case STATOR_ARG_STRVEC:
      json.begin_array();
      for (std::size_t k = 0; k < args.count(i); ++k) json.string(args.str_at(i, k));
      json.end_array();
      return;
    default:
      json.string(args.str(i));
  }
}
Status echo(const Toy&, const Request& request, Reply& reply) {
  const Args args = request.args();
  if (reinterpret_cast<std::uintptr_t>(args.f32vec(7).data()) % 64 != 0) return STATOR_E_INTERNAL;
  auto json = reply.json();
  json.begin_object();
  for (std::size_t i = 0; i < kEchoArgs.size(); ++i) {
    if (!args.has(i)) continue;
    json.key(std::string(kEchoArgs[i].name) + (args.given(i) ? "" : "*"));
    echo_value(args, i, json);
  }
  json.end_object();
  return STATOR_OK;
}
const Op<Toy> kEchoOp = {.row = make_op({.op_class = STATOR_OP_READ,
                                         .permission = STATOR_PERM_READ,
                                         .placement = STATOR_PLACE_ANY,
                                         .name = "echo",
                                         .doc = "The arguments as bound; * marks defaults.",
                                         .result = "{}",
                                         .example = "{}",
                                         .args = kEchoArgs}),
                         .read = &echo};

constexpr std::array kAskArgs = {
    make_arg(STATOR_ARG_STR, "what", "Op to call.", {.flags = STATOR_ARG_REQUIRED}),
};
Status ask(const Toy&, const Request& request, Reply& reply) {
  if (request.args().str(0) == "interrupted") {
    reply.json().boolean(request.interrupted());
    return STATOR_OK;
  }
  if (request.args().str(0) == "huge") {
    reply.json().string(std::string(13u << 20, 'x'));
    return STATOR_OK;
  }
  const auto result = request.call(request.args().str(0), R"({"x":1})");
  if (result.status != STATOR_OK) return reply.fail(result.status, nullptr, result.detail);
  reply.write(result.payload);
  if (result.is_binary) reply.set_binary();
  return STATOR_OK;
}
constexpr const char* kAskRequires[] = {"other_op", nullptr};
const Op<Toy> kAskOp = {.row = make_op({.op_class = STATOR_OP_READ,
                                        .permission = STATOR_PERM_READ,
                                        .placement = STATOR_PLACE_COLLECTION,
                                        .name = "ask",
                                        .doc = "Calls an op of another engine.",
                                        .result = "its answer",
                                        .example = "{}",
                                        .args = kAskArgs,
                                        .requires_ops = kAskRequires}),
                        .read = &ask};

constexpr std::array kBreakArgs = {
    make_arg(STATOR_ARG_STR, "rule", "Rule to break.", {.flags = STATOR_ARG_REQUIRED}),
};
Status break_in_prepare(const Toy&, const Request& request, Records& records, Reply& reply) {
  const std::string_view rule = request.args().str(0);
  const std::uint32_t other = (request.vshard() + 1) % 1024;
  if (rule == "put_in_prepare") {
    // As an engine in C can: the types of C++ have no way.
    stator::detail::services.kv->put(request.raw_call(), kItems, request.vshard(),
                                     stator::as_bytes("k"), stator::as_bytes("v"));
  }
  if (rule == "record_elsewhere") records.add(other, kBreak, "");
  if (rule == "record_everywhere") records.add(STATOR_VSHARD_EVERY, kBreak, "");
  if (rule == "record_type") records.add(request.vshard(), 65536, "");
  if (rule == "cursors") {
    for (int i = 0; i < 17; ++i) static_cast<void>(request.kv().scan(kItems));
  }
  records.add(request.vshard(), kBreak, pack("", rule));
  reply.json().null();
  return STATOR_OK;
}
const Op<Toy> kBreakOp = {.row = make_op({.op_class = STATOR_OP_WRITE,
                                          .permission = STATOR_PERM_WRITE,
                                          .placement = STATOR_PLACE_COLLECTION,
                                          .name = "break",
                                          .doc = "Breaks a rule of the contract.",
                                          .result = "none",
                                          .example = "{}",
                                          .args = kBreakArgs}),
                          .prepare = &break_in_prepare};

stator::EngineDescription<Toy> Toy::describe() {
  static const Op<Toy>* const ops[] = {&kPutOp,  &kGetOp,       &kRemoveOp, &kPutManyOp, &kCountOp,
                                       &kScanOp, &kSetPolicyOp, &kEchoOp,   &kAskOp,     &kBreakOp};
  static const stator_config_key keys[] = {{sizeof(stator_config_key), 0, "mode", "How to open."}};
  return {"toy", "1", "tests", "Remembers strings.", ops, keys};
}

}  // namespace

STATOR_DEFINE_ENGINE(Toy)
