// The engine under test as the fake kernel keeps it: its descriptor, checked as a server checks it.
#pragma once

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "stator/engine.h"
#include "stator/json_reader.hpp"

#include "arg_binder.h"
#include "fake_services.h"
#include "fake_work.h"

namespace stator::testkit::detail {

struct FakeEngine {
  stator_engine_v1 row{};
  std::vector<const stator_op*> ops;

  // By wire name, alias or ENGINE.NAME.
  bool find(std::string_view name, std::uint32_t& index) const {
    const std::string prefix = std::string(row.id) + ".";
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    for (std::uint32_t i = 0; i < ops.size(); ++i) {
      bool is_it = name == ops[i]->name;
      for (auto alias = ops[i]->aliases; alias != nullptr && *alias != nullptr; ++alias) {
        is_it = is_it || name == *alias;
      }
      index = i;
      if (is_it) return true;
    }
    return false;
  }
};

// Thrown as std::runtime_error, with the op and argument in the sentence.
[[noreturn]] inline void bad_row(const std::string& where, const std::string& fault) {
  throw std::runtime_error(where + ": " + fault);
}

inline void check_flags(const std::string& where, std::uint32_t flags, std::uint32_t known) {
  if ((flags & ~(known | STATOR_FLAG_HINTS)) != 0) bad_row(where, "a flag that is not known");
}

inline void check_args(const std::string& where, const stator_arg* args, std::uint64_t count,
                       bool is_row) {
  if (count > 64) bad_row(where, "more than 64 arguments");
  for (std::uint64_t i = 0; i < count; ++i) {
    const stator_arg& arg = args[i];
    if (arg.name == nullptr || arg.doc == nullptr) bad_row(where, "an argument lacks name or doc");
    const std::string named = where + "." + arg.name;
    if (arg.type < STATOR_ARG_STR || arg.type > STATOR_ARG_ROWS) bad_row(named, "unknown type");
    check_flags(named, arg.flags,
                STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY | STATOR_ARG_SENSITIVE |
                    STATOR_ARG_NULLABLE | STATOR_ARG_DEPTH | STATOR_ARG_JSON_OBJECT | STATOR_ARG_JSON_ARRAY |
                    STATOR_ARG_JSON_SCALAR);
    if (arg.max < arg.min) bad_row(named, "max is less than min");
    if (arg.type == STATOR_ARG_ENUM && arg.choice_count == 0) bad_row(named, "no choices");
    const bool is_key = (arg.flags & STATOR_ARG_ROUTING_KEY) != 0;
    const bool is_required = (arg.flags & STATOR_ARG_REQUIRED) != 0;
    if (is_key && (arg.type != STATOR_ARG_STR || !is_required)) {
      bad_row(named, "a routing key is a required string");
    }
    if (arg.type == STATOR_ARG_ROWS) {
      if (is_row || arg.field_count == 0) bad_row(named, "rows without fields or inside rows");
      check_args(named, arg.fields, arg.field_count, true);
    }
    if (arg.default_json == nullptr) continue;
    ArgBinder binder({});
    Block block;
    const std::string object = "{\"" + std::string(arg.name) + "\":" + arg.default_json + "}";
    if (!binder.bind({&arg, 1}, object, block)) bad_row(named, "default: " + binder.detail());
  }
}

inline bool has_one_key(const stator_arg* args, std::uint64_t count) {
  return std::count_if(args, args + count, [](const stator_arg& arg) {
           return (arg.flags & STATOR_ARG_ROUTING_KEY) != 0;
         }) == 1;
}

// The ROWS argument of an op, or null.
inline const stator_arg* rows_arg(const stator_op& op) {
  const auto* at = std::find_if(op.args, op.args + op.arg_count,
                                [](const stator_arg& arg) { return arg.type == STATOR_ARG_ROWS; });
  return at == op.args + op.arg_count ? nullptr : at;
}

inline void check_op(const stator_engine_v1& engine, const stator_op& op) {
  if (op.name == nullptr || op.doc == nullptr) bad_row(engine.id, "an op lacks name or doc");
  const std::string where = std::string(engine.id) + "." + op.name;
  if (op.op_class != STATOR_OP_READ && op.op_class != STATOR_OP_WRITE) bad_row(where, "class");
  if (op.permission == 0 || (op.permission & (op.permission - 1)) != 0) {
    bad_row(where, "exactly one permission is needed");
  }
  if (op.cost < STATOR_COST_POINT || op.cost > STATOR_COST_HEAVY) bad_row(where, "unknown cost");
  check_flags(where, op.flags,
              STATOR_OP_REMOVES | STATOR_OP_PAUSES | STATOR_OP_TOGETHER | STATOR_OP_ROWS_CHECKED);
  check_args(where, op.args, op.arg_count, false);
  if (op.placement < STATOR_PLACE_DOCUMENT || op.placement > STATOR_PLACE_ANY) {
    bad_row(where, "unknown placement");
  }
  if (op.placement == STATOR_PLACE_DOCUMENT && !has_one_key(op.args, op.arg_count)) {
    bad_row(where, "placed by document, so one argument must be the routing key");
  }
  if (op.placement == STATOR_PLACE_ROWS) {
    const stator_arg* rows = rows_arg(op);
    if (rows == nullptr || !has_one_key(rows->fields, rows->field_count)) {
      bad_row(where, "placed by rows, so it needs a rows argument with one routing key");
    }
  }
}

// As the server: an unknown key of [engines.ID] is refused.
inline void check_config(const stator_engine_v1& engine, std::string_view config) {
  json::Reader reader(config);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    const auto* begin = engine.config_keys;
    const auto* end = begin + engine.config_key_count;
    const auto is_it = [&](const stator_config_key& known) {
      return json::equals(key, known.name);
    };
    if (std::none_of(begin, end, is_it)) {
      bad_row(engine.id, "unknown config key '" + json::unescape(key) + "'");
    }
    std::string_view text;
    reader.skip(text);
  }
  if (!reader.at_end()) bad_row(engine.id, "config_json is not a JSON object");
}

inline FakeEngine load_engine(stator_engine_entry entry, std::string_view config) {
  static const stator_kernel_hello hello = {sizeof hello, STATOR_ABI_MAJOR, STATOR_ABI_MINOR, 0,
                                            "testkit",    &find_service};
  const stator_engine_v1* given = entry(&hello);
  if (given == nullptr) throw std::runtime_error("the entry refused this kernel");
  FakeEngine engine;
  std::memcpy(&engine.row, given, std::min<std::size_t>(given->struct_size, sizeof engine.row));
  const stator_engine_v1& row = engine.row;
  if (row.abi_major != STATOR_ABI_MAJOR || row.abi_minor > STATOR_ABI_MINOR) {
    throw std::runtime_error("the engine wants another ABI");
  }
  if (row.id == nullptr || row.version == nullptr) throw std::runtime_error("no id or version");
  if (row.open == nullptr || row.close == nullptr || row.apply == nullptr) {
    bad_row(row.id, "open, close or apply is missing");
  }
  for (std::uint32_t i = 0; i < row.op_count; ++i) {
    check_op(row, *row.ops[i]);
    engine.ops.push_back(row.ops[i]);
  }
  check_config(row, config);
  return engine;
}

// Rows in a bound block of a ROWS op.
inline std::size_t row_count(const stator_op& op, const Block& block) {
  const auto* header = reinterpret_cast<const stator_arg_block*>(block.data());
  return stator_arg_values(header)[rows_arg(op) - op.args].slice.bytes / sizeof(stator_slice);
}

}  // namespace stator::testkit::detail
