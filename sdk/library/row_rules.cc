#include "library/row_rules.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>

#include "stator/json_reader.hpp"

namespace stator::library {
namespace {

constexpr std::array<std::string_view, 12> kSharedFields = {
    "op",      "collection", "id",     "deadline_ms",     "priority",  "consistency",
    "min_lsn", "trace_id",   "strict", "idempotency_key", "tenant_id", "payload_format"};

bool is_name(const char* text, std::size_t size_max) {
  if (text == nullptr) return false;
  const std::string_view name(text);
  if (name.empty() || name.size() > size_max) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_json(const char* text) {
  json::Reader reader(text);
  std::string_view raw;
  return reader.skip(raw) && reader.at_end();
}

// Bits below the hints that this contract knows.
constexpr std::uint32_t kArgFlags =
    STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY | STATOR_ARG_SENSITIVE | STATOR_ARG_NULLABLE |
    STATOR_ARG_DEPTH | STATOR_ARG_JSON_OBJECT | STATOR_ARG_JSON_ARRAY | STATOR_ARG_JSON_SCALAR;
constexpr std::uint32_t kOpFlags =
    STATOR_OP_REMOVES | STATOR_OP_PAUSES | STATOR_OP_TOGETHER | STATOR_OP_ROWS_CHECKED;

std::string remedy() {
  return ", which contract " + std::to_string(STATOR_ABI_MAJOR) + "." +
         std::to_string(STATOR_ABI_MINOR) +
         " does not know: take a newer server, or build the engine without it";
}

std::string broken(const stator_engine_v1& engine, const std::string& what) {
  return std::string("engine '") + engine.id + "': " + what;
}

std::string check_count(const stator_engine_v1& engine, const char* what, const void* list,
                        std::uint64_t count, std::uint64_t most) {
  if (count > most) {
    return broken(engine, "it has " + std::to_string(count) + " " + what + ", and may have " +
                              std::to_string(most));
  }
  if (list != nullptr || count == 0) return "";
  return broken(engine, "it has " + std::to_string(count) + " " + what + ", and they are NULL");
}

std::string check_flags(const stator_engine_v1& engine, const std::string& where,
                        std::uint32_t flags, std::uint32_t known) {
  const std::uint32_t unknown = flags & ~(known | STATOR_FLAG_HINTS);
  if (unknown == 0) return "";
  const int bit = std::countr_zero(unknown);
  return broken(engine, where + ": a flag 1 << " + std::to_string(bit) + remedy());
}

std::string check_args(const stator_engine_v1& engine, const std::string& where,
                       const stator_arg* args, std::uint64_t count, bool are_row_fields);

// The choices of an enum, the fields of rows.
std::string check_parts(const stator_engine_v1& engine, const std::string& named,
                        const stator_arg& arg, bool is_row_field) {
  if (arg.type == STATOR_ARG_ENUM) {
    if (arg.choices == nullptr || arg.choice_count == 0)
      return broken(engine, named + ": an enum without choices");
    if (std::find(arg.choices, arg.choices + arg.choice_count, nullptr) !=
        arg.choices + arg.choice_count) {
      return broken(engine, named + ": one of its choices is NULL");
    }
  }
  if (arg.type != STATOR_ARG_ROWS) return "";
  if (is_row_field) return broken(engine, named + ": rows inside rows");
  if (arg.fields == nullptr || arg.field_count == 0 || arg.field_count > kArgsMax)
    return broken(engine, named + ": rows need 1..64 fields");
  return check_args(engine, named, arg.fields, arg.field_count, true);
}

std::string check_arg(const stator_engine_v1& engine, const std::string& where,
                      const stator_arg& arg, bool is_row_field) {
  if (!is_name(arg.name, 64)) return broken(engine, where + ": an argument has no valid name");
  const std::string named = where + "." + arg.name;
  if (arg.type < STATOR_ARG_STR || arg.type > STATOR_ARG_ROWS)
    return broken(engine, named + ": a type " + std::to_string(arg.type) + remedy());
  if (std::string fault = check_flags(engine, named, arg.flags, kArgFlags); !fault.empty())
    return fault;
  for (const char* name : {arg.name, arg.alias == nullptr ? arg.name : arg.alias}) {
    if (!is_name(name, 64)) return broken(engine, named + ": its alias is no valid name");
    if (!is_row_field && is_shared_field(name))
      return broken(engine, named + ": this field belongs to every request");
  }
  // Also where one of them is no number.
  if (!(arg.min <= arg.max))
    return broken(engine, named + ": its least value is above its greatest");
  if ((arg.flags & STATOR_ARG_ROUTING_KEY) != 0 &&
      (arg.type != STATOR_ARG_STR || (arg.flags & STATOR_ARG_REQUIRED) == 0)) {
    return broken(engine, named + ": a routing key is a required string");
  }
  if ((arg.flags & STATOR_ARG_DEPTH) != 0 && arg.type != STATOR_ARG_U64)
    return broken(engine, named + ": a depth is a number of the type u64");
  if (arg.default_json != nullptr && !is_json(arg.default_json))
    return broken(engine, named + ": its default is no JSON: " + arg.default_json);
  return check_parts(engine, named, arg, is_row_field);
}

std::string check_args(const stator_engine_v1& engine, const std::string& where,
                       const stator_arg* args, std::uint64_t count, bool are_row_fields) {
  std::set<std::string_view> names;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (std::string fault = check_arg(engine, where, args[i], are_row_fields); !fault.empty())
      return fault;
    const bool is_new = names.insert(args[i].name).second &&
                        (args[i].alias == nullptr || names.insert(args[i].alias).second);
    if (!is_new) {
      return broken(engine,
                    where + "." + args[i].name + ": another argument has its name, or its alias");
    }
  }
  return "";
}

bool has_routing_key(const stator_arg* args, std::uint64_t count) {
  return std::count_if(args, args + count, [](const stator_arg& arg) {
           return (arg.flags & STATOR_ARG_ROUTING_KEY) != 0;
         }) == 1;
}

// The op's pages, which the kernel can stream.
std::string check_cursor(const stator_engine_v1& engine, const stator_op& op) {
  const auto is_cursor = [](const stator_arg& arg) { return (arg.flags & STATOR_ARG_CURSOR) != 0; };
  const auto* cursor = std::find_if(op.args, op.args + op.arg_count, is_cursor);
  if (cursor == op.args + op.arg_count) return "";
  const std::string named = std::string(op.name) + "." + cursor->name;
  if (op.op_class != STATOR_OP_READ)
    return broken(engine, named + ": a cursor of an op that writes");
  if (std::count_if(op.args, op.args + op.arg_count, is_cursor) > 1)
    return broken(engine, named + ": another argument is a cursor, too");
  if (cursor->type != STATOR_ARG_STR || (cursor->flags & STATOR_ARG_REQUIRED) != 0)
    return broken(engine, named + ": a cursor is a string that may be absent");
  if (op.arg_count == kArgsMax)
    return broken(engine, named + ": an op with a cursor has at most 63 arguments and 'stream'");
  const auto is_stream = [](const stator_arg& arg) {
    return std::string_view(arg.name) == kStreamArg ||
           (arg.alias != nullptr && std::string_view(arg.alias) == kStreamArg);
  };
  if (std::any_of(op.args, op.args + op.arg_count, is_stream)) {
    return broken(engine, std::string(op.name) +
                              ".stream: the kernel gives every op with a cursor this argument");
  }
  return "";
}

std::string check_placement(const stator_engine_v1& engine, const stator_op& op) {
  const std::string name = op.name;
  if (op.placement < STATOR_PLACE_DOCUMENT || op.placement > STATOR_PLACE_ANY)
    return broken(engine, name + ": a placement " + std::to_string(op.placement) + remedy());
  if (op.placement == STATOR_PLACE_DOCUMENT && !has_routing_key(op.args, op.arg_count)) {
    return broken(engine,
                  name + ": placed by document, so exactly one argument is the routing key");
  }
  if (op.key_space > 255 || (op.key_space != 0 && op.placement != STATOR_PLACE_DOCUMENT)) {
    return broken(engine, name + ": key_space is a kv space (1..255) of an op placed by document");
  }
  if (op.placement == STATOR_PLACE_ROWS) {
    const auto is_rows = [](const stator_arg& arg) { return arg.type == STATOR_ARG_ROWS; };
    const auto* rows = std::find_if(op.args, op.args + op.arg_count, is_rows);
    if (std::count_if(op.args, op.args + op.arg_count, is_rows) != 1 ||
        !has_routing_key(rows->fields, rows->field_count)) {
      return broken(engine,
                    name + ": placed by rows, so it has one rows argument with a routing key");
    }
  }
  const bool merges = op.placement == STATOR_PLACE_ALL || op.placement == STATOR_PLACE_ROWS;
  if (merges && engine.merge == nullptr) return broken(engine, name + ": needs merge");
  return "";
}

}  // namespace

bool is_shared_field(std::string_view name) {
  return std::find(kSharedFields.begin(), kSharedFields.end(), name) != kSharedFields.end();
}

std::string check_engine(const stator_engine_v1& engine) {
  if (!is_name(engine.id, 32)) return "an engine's id must be 1..32 of [a-z0-9_]";
  if (engine.version == nullptr) return broken(engine, "no version");
  if (engine.ops == nullptr || engine.op_count == 0) return broken(engine, "it declares no ops");
  if (engine.open == nullptr || engine.close == nullptr || engine.apply == nullptr)
    return broken(engine, "open, close or apply is missing");
  struct List {
    const char* what;
    const void* list;
    std::uint64_t count;
    std::uint64_t most;
  };
  for (const List& list :
       {List{"ops", static_cast<const void*>(engine.ops), engine.op_count, kOpsMax},
        List{"config_keys", engine.config_keys, engine.config_key_count, kConfigKeysMax},
        List{"derived_spaces", engine.derived_spaces, engine.derived_space_count, kSpacesMax}}) {
    std::string fault = check_count(engine, list.what, list.list, list.count, list.most);
    if (!fault.empty()) return fault;
  }
  const auto* null = std::find(engine.ops, engine.ops + engine.op_count, nullptr);
  if (null != engine.ops + engine.op_count)
    return broken(engine, "row " + std::to_string(null - engine.ops) + " of its ops is NULL");
  return "";
}

std::string check_config_key(const stator_engine_v1& engine, const stator_config_key& key) {
  if (is_name(key.name, 64)) return "";
  return broken(engine, "a key of its configuration has no valid name");
}

std::string check_op(const stator_engine_v1& engine, const stator_op& op) {
  if (!is_name(op.name, 64)) return broken(engine, "an op has no valid name");
  const std::string name = op.name;
  for (const char* const* alias = op.aliases; alias != nullptr && *alias != nullptr; ++alias) {
    if (!is_name(*alias, 64)) return broken(engine, name + ": an alias is no valid name");
  }
  if (op.op_class != STATOR_OP_READ && op.op_class != STATOR_OP_WRITE)
    return broken(engine, name + ": a class " + std::to_string(op.op_class) + remedy());
  if (op.cost < STATOR_COST_POINT || op.cost > STATOR_COST_HEAVY)
    return broken(engine, name + ": a cost " + std::to_string(op.cost) + remedy());
  if (std::string fault = check_flags(engine, name, op.flags, kOpFlags); !fault.empty())
    return fault;
  if (op.op_class == STATOR_OP_READ ? engine.read == nullptr : engine.prepare == nullptr)
    return broken(engine, name + ": the engine has no function for its class");
  if (op.permission == 0 || (op.permission & (op.permission - 1)) != 0 ||
      op.permission > STATOR_PERM_SERVER) {
    return broken(engine, name + ": exactly one known permission is needed");
  }
  if (op.arg_count > kArgsMax) return broken(engine, name + ": more than 64 arguments");
  if (op.args == nullptr && op.arg_count != 0)
    return broken(engine, name + ": its arguments are NULL");
  if (op.example != nullptr && !is_json(op.example))
    return broken(engine, name + ": its example is no JSON: " + op.example);
  if (std::string fault = check_args(engine, name, op.args, op.arg_count, false); !fault.empty())
    return fault;
  if (std::string fault = check_cursor(engine, op); !fault.empty()) return fault;
  return check_placement(engine, op);
}

}  // namespace stator::library
