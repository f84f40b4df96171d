// Declares arguments and operations as constant data (stator/op.h says what each member means).
#pragma once

#include <cstdint>
#include <span>

#include "stator/op.h"

namespace stator {

// Declarations of arguments: kDocumentId = arg_str("document_id", "…", {.min = 1, .max = 256}).
struct ArgOptions {
  std::uint32_t flags = 0;
  double min = 0;
  double max = 0;
  const char* default_json = nullptr;
  const char* alias = nullptr;
};

constexpr stator_arg make_arg(std::uint32_t type, const char* name, const char* doc,
                              const ArgOptions& options) {
  stator_arg arg{};
  arg.struct_size = sizeof(stator_arg);
  arg.type = type;
  arg.flags = options.flags;
  arg.name = name;
  arg.alias = options.alias;
  arg.doc = doc;
  arg.default_json = options.default_json;
  arg.min = options.min;
  arg.max = options.max;
  return arg;
}
constexpr stator_arg make_enum(const char* name, const char* doc,
                               std::span<const char* const> choices, const ArgOptions& options) {
  stator_arg arg = make_arg(STATOR_ARG_ENUM, name, doc, options);
  arg.choices = choices.data();
  arg.choice_count = static_cast<std::uint32_t>(choices.size());
  return arg;
}
constexpr stator_arg make_rows(const char* name, const char* doc,
                               std::span<const stator_arg> fields, const ArgOptions& options) {
  stator_arg arg = make_arg(STATOR_ARG_ROWS, name, doc, options);
  arg.fields = fields.data();
  arg.field_count = fields.size();
  return arg;
}

struct OpOptions {
  std::uint32_t op_class;
  std::uint32_t permission;
  std::uint32_t placement;
  std::uint32_t cost = STATOR_COST_POINT;
  const char* name;
  const char* doc;
  const char* result;
  const char* example;
  std::span<const stator_arg> args = {};
  const char* const* aliases = nullptr;
  const char* const* requires_ops = nullptr;
  std::uint8_t key_space = 0;
  std::uint32_t flags = 0;
};

constexpr stator_op make_op(const OpOptions& options) {
  stator_op op{};
  op.struct_size = sizeof(stator_op);
  op.op_class = options.op_class;
  op.permission = options.permission;
  op.placement = options.placement;
  op.cost = options.cost;
  op.arg_count = static_cast<std::uint32_t>(options.args.size());
  op.name = options.name;
  op.aliases = options.aliases;
  op.doc = options.doc;
  op.result = options.result;
  op.example = options.example;
  op.args = options.args.data();
  op.requires_ops = options.requires_ops;
  op.key_space = options.key_space;
  op.flags = options.flags;
  return op;
}

}  // namespace stator
