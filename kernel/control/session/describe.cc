#include "control/session/describe.h"

#include <algorithm>
#include <cmath>

#include "control/gate/arg_quota.h"
#include "control/gate/gate.h"
#include "control/session/session_ops.h"

namespace stator::session {
namespace {

constexpr const char* kTypes[] = {"",     "str",  "bytes",  "i64",    "u64",  "f64",
                                  "bool", "enum", "f32vec", "strvec", "json", "rows"};
constexpr const char* kPlacements[] = {"", "document", "collection", "all", "rows", "any"};
constexpr const char* kCosts[] = {"", "point", "scan", "heavy"};

const char* text(const char* maybe) { return maybe == nullptr ? "" : maybe; }

void write_list(json::Writer& json, std::string_view name, const char* const* list) {
  json.key(name).begin_array();
  for (; list != nullptr && *list != nullptr; ++list) json.string(*list);
  json.end_array();
}

void write_args(json::Writer& json, std::string_view name, const stator_arg* args, std::uint64_t count);

void write_arg(json::Writer& json, const stator_arg& arg) {
  json.begin_object().field("name", std::string_view(arg.name)).field("type", std::string_view(kTypes[arg.type]));
  if (arg.alias != nullptr) json.field("alias", std::string_view(arg.alias));
  json.field("required", (arg.flags & STATOR_ARG_REQUIRED) != 0);
  json.field("nullable", (arg.flags & STATOR_ARG_NULLABLE) != 0);
  json.field("routing_key", (arg.flags & STATOR_ARG_ROUTING_KEY) != 0);
  json.field("sensitive", (arg.flags & STATOR_ARG_SENSITIVE) != 0);
  if (const char* quota = gate::quota_of(arg); quota != nullptr) {
    json.field("quota", std::string_view(quota));
  }
  if (arg.default_json != nullptr) json.key("default").raw(arg.default_json);
  if (arg.min != 0 || arg.max != 0) {
    write_bound(json, "min", arg.min);
    write_bound(json, "max", arg.max);
  }
  if (arg.type == STATOR_ARG_ENUM) {
    json.key("choices").begin_array();
    for (std::uint32_t i = 0; i < arg.choice_count; ++i) json.string(arg.choices[i]);
    json.end_array();
  }
  if (arg.type == STATOR_ARG_JSON) {
    json.key("json_kinds").begin_array();
    if ((arg.flags & STATOR_ARG_JSON_OBJECT) != 0) json.string("object");
    if ((arg.flags & STATOR_ARG_JSON_ARRAY) != 0) json.string("array");
    if ((arg.flags & STATOR_ARG_JSON_SCALAR) != 0) json.string("scalar");
    json.end_array();
  }
  json.field("doc", std::string_view(text(arg.doc)));
  if (arg.type == STATOR_ARG_ROWS) write_args(json, "fields", arg.fields, arg.field_count);
  json.end_object();
}

void write_args(json::Writer& json, std::string_view name, const stator_arg* args,
                std::uint64_t count) {
  json.key(name).begin_array();
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!ops::is_internal(args[i].name)) write_arg(json, args[i]);
  }
  json.end_array();
}

std::string_view class_name(const ops::OpEntry& entry) {
  if (entry.op == nullptr) return "control";
  return entry.row->op_class == STATOR_OP_READ ? "read" : "write";
}

// Wire names, where they mean the op in every collection or in those of its engine.
void write_aliases(json::Writer& json, const ops::OpEntry& entry) {
  const auto is_own = [&](std::string_view name) {
    return std::find(entry.own_names.begin(), entry.own_names.end(), name) != entry.own_names.end();
  };
  json.key("aliases").begin_array();
  for (const char* const* name = entry.row->aliases; name != nullptr && *name != nullptr; ++name) {
    if (!is_own(*name)) json.string(*name);
  }
  json.end_array();
  if (entry.own_names.empty()) return;
  json.key("own_collections").begin_array();
  for (const std::string& name : entry.own_names) json.string(name);
  json.end_array();
}

bool is_asked_for(const ops::OpEntry& entry, const ops::OpEntry* one) {
  if (one == nullptr || one == &entry) return true;
  return one->choice != nullptr &&
         std::any_of(one->choice->own.begin(), one->choice->own.end(),
                     [&](const auto& own) { return own.second == &entry; });
}

void write_op(json::Writer& json, const ops::OpTable& table, const ops::OpEntry& entry) {
  const stator_op& row = *entry.row;
  const std::string engine =
      entry.op == nullptr ? "kernel" : table.catalog().engine_of(*entry.op).id;
  json.begin_object()
      .field("name", std::string_view(entry.label))
      .field("canonical", engine + "." + row.name)
      .field("engine", std::string_view(engine))
      .field("class", class_name(entry))
      .field("permission", std::string_view(gate::permission_name(row.permission)))
      .field("placement", std::string_view(kPlacements[row.placement]))
      .field("cost", std::string_view(kCosts[row.cost]));
  if (entry.op == nullptr && is_streamed(static_cast<SessionOp>(entry.session_op))) {
    json.field("streamed", true);
  }
  if ((row.flags & STATOR_OP_ROWS_CHECKED) != 0) json.field("rows_checked", true);
  if (entry.op != nullptr && !entry.op->missing.empty()) {
    json.field("missing", std::string_view(entry.op->missing));
  }
  write_aliases(json, entry);
  write_list(json, "requires_ops", row.requires_ops);
  json.field("doc", std::string_view(text(row.doc)))
      .field("result", std::string_view(text(row.result)));
  json.key("example").raw(row.example == nullptr ? "null" : row.example);
  write_args(json, "args", row.args, row.arg_count);
  json.end_object();
}

}  // namespace

void write_bound(json::Writer& json, std::string_view name, double value) {
  constexpr double kExactMax = 9007199254740992.0;
  if (value != std::floor(value) || std::abs(value) > kExactMax) {
    json.field(name, value);
  } else {
    json.field(name, static_cast<std::int64_t>(value));
  }
}

Result<std::string> describe(const ops::OpTable& table, const DescribeFilter& filter) {
  const ops::OpEntry* one = nullptr;
  if (!filter.name.empty()) {
    one = ops::is_internal(filter.name) ? nullptr : table.find(filter.name);
    if (one == nullptr) return table.unknown(filter.name);
  }
  json::StringOut out;
  json::Writer json(out);
  json.begin_object();
  json.key("server").begin_object().field("name", std::string_view("statord")).field("version", std::string_view(STATOR_VERSION)).end_object();
  json.key("engines").begin_array();
  for (const auto& engine : table.catalog().engines()) {
    json.begin_object()
        .field("id", std::string_view(engine->id))
        .field("version", std::string_view(engine->descriptor.version))
        .field("vendor", std::string_view(text(engine->descriptor.vendor)))
        .field("doc", std::string_view(text(engine->descriptor.doc)))
        .field("state", std::string_view("serving"))
        .end_object();
  }
  json.end_array().key("ops").begin_array();
  for (const ops::OpEntry& entry : table.entries()) {
    if (ops::is_internal(entry.row->name) || !is_asked_for(entry, one)) continue;
    const bool is_kernel = entry.op == nullptr;
    const std::string_view engine =
        is_kernel ? std::string_view("kernel") : std::string_view(table.catalog().engine_of(*entry.op).id);
    if (!filter.engine.empty() && filter.engine != engine) continue;
    write_op(json, table, entry);
  }
  json.end_array().end_object();
  return out.take();
}

}  // namespace stator::session
