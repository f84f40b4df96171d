// The server's op table, as its `describe` answers it. All that the client knows about operations
// stands here; it has no op of any engine built in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json_value.h"

namespace stator::client {

struct ArgInfo {
  std::string name;
  std::string alias;  // or empty
  std::string type;   // str, bytes, i64, u64, f64, bool, enum, f32vec, strvec, json, rows
  std::string doc;
  std::string default_json;  // compact, or empty
  std::string min;           // both empty: the type's own bounds
  std::string max;
  std::vector<std::string> choices;
  std::vector<std::string> json_kinds;
  std::vector<ArgInfo> fields;  // rows
  bool is_required = false;
  bool is_nullable = false;
  bool is_sensitive = false;
};

struct OpInfo {
  std::string name;
  std::string canonical;
  std::string engine;
  std::string op_class;  // read, write, control
  std::string permission;
  std::string placement;
  std::string doc;
  std::string result;
  std::string example;  // compact JSON, or empty
  std::vector<std::string> aliases;
  std::vector<std::string> requires_ops;
  std::vector<ArgInfo> args;

  // By name or alias; null if unknown.
  const ArgInfo* find_arg(std::string_view arg_name) const;
  bool answers_to(std::string_view op_name) const;
};

struct Catalog {
  std::string server;  // name and version
  std::vector<OpInfo> ops;

  const OpInfo* find(std::string_view name) const;
};

// From the payload of a describe answer. Throws Failure if it is none.
Catalog read_catalog(std::string_view payload);

// The known name that is fewest edits away (at most two), or empty.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

}  // namespace stator::client
