// The engine under test as the fake kernel keeps it: its descriptor, checked as a server checks it.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "stator/engine.h"
#include "stator/json_reader.hpp"

#include "arg_binder.h"
#include "fake_services.h"
#include "fake_work.h"
#include "library/row_rules.h"

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

[[noreturn]] inline void bad_row(const std::string& where, const std::string& fault) {
  throw std::runtime_error(where + ": " + fault);
}

// A sentence of library/row_rules.h.
inline void expect_fine(const std::string& fault) {
  if (!fault.empty()) throw std::runtime_error(fault);
}

// Defaults bind as what a client sends.
inline void check_defaults(const std::string& where, const stator_arg* args, std::uint64_t count) {
  for (const stator_arg& arg : std::span(args, count)) {
    if (arg.type == STATOR_ARG_ROWS) check_defaults(where, arg.fields, arg.field_count);
    if (arg.default_json == nullptr) continue;
    ArgBinder binder({});
    Block block;
    const std::string object = "{\"" + std::string(arg.name) + "\":" + arg.default_json + "}";
    if (!binder.bind({&arg, 1}, object, block))
      bad_row(where + "." + arg.name, "default: " + binder.detail());
  }
}

// The ROWS argument of an op, or null.
inline const stator_arg* rows_arg(const stator_op& op) {
  const auto* at = std::find_if(op.args, op.args + op.arg_count,
                                [](const stator_arg& arg) { return arg.type == STATOR_ARG_ROWS; });
  return at == op.args + op.arg_count ? nullptr : at;
}

// As the server: an unknown key of [engine.ID] is refused.
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
    throw std::runtime_error("the engine needs contract " + std::to_string(row.abi_major) + "." +
                             std::to_string(row.abi_minor) + ", this SDK has " +
                             std::to_string(STATOR_ABI_MAJOR) + "." +
                             std::to_string(STATOR_ABI_MINOR));
  }
  expect_fine(library::check_engine(row));
  for (std::uint64_t i = 0; i < row.config_key_count; ++i)
    expect_fine(library::check_config_key(row, row.config_keys[i]));
  for (std::uint32_t i = 0; i < row.op_count; ++i) {
    expect_fine(library::check_op(row, *row.ops[i]));
    check_defaults(row.ops[i]->name, row.ops[i]->args, row.ops[i]->arg_count);
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
