#include "control/ops/op_table.h"

#include "base/nearest.h"

namespace stator::ops {

Result<OpTable> OpTable::build(const plugin::Catalog& catalog,
                               std::span<const stator_op> session_rows) {
  OpTable table;
  table.catalog_ = &catalog;
  const auto compile = [](const stator_op& row, const std::string& owner) -> Result<ArgSet> {
    auto set = ArgSet::compile(row.args, row.arg_count);
    if (set.ok()) return set;
    return Error(ErrorCode::kRejectedPrevalidation,
                 owner + ": op '" + row.name + "': " + set.error().sentence());
  };
  for (const plugin::Op& op : catalog.ops()) {
    STATOR_TRY(ArgSet args, compile(*op.row, "engine '" + catalog.engine_of(op).id + "'"));
    table.entries_.push_back({op.row, &op, 0, std::move(args)});
  }
  for (std::uint32_t i = 0; i < session_rows.size(); ++i) {
    const stator_op& row = session_rows[i];
    if (catalog.find(row.name) != nullptr) {
      return Error(ErrorCode::kRejectedPrevalidation,
                   std::string("op '") + row.name + "' is reserved for the kernel");
    }
    STATOR_TRY(ArgSet args, compile(row, "kernel"));
    table.entries_.push_back({&row, nullptr, i, std::move(args)});
  }
  for (std::uint32_t i = 0; i < table.entries_.size(); ++i) table.entries_[i].index = i;
  for (const auto& [name, index] : catalog.names()) {
    table.names_.emplace(name, &table.entries_[index]);
  }
  for (const OpEntry& entry : table.entries_) {
    if (entry.op == nullptr) table.names_.emplace(entry.row->name, &entry);
  }
  return table;
}

const OpEntry* OpTable::find(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : it->second;
}

void OpTable::add_disabled(std::string name, std::string engine_id) {
  disabled_.emplace(std::move(name), std::move(engine_id));
}

void OpTable::add_left_out(std::string name, std::string why) {
  left_out_.emplace(std::move(name), std::move(why));
}

Error OpTable::unknown(std::string_view name) const {
  const std::string shown(name.substr(0, 64));
  if (const auto it = left_out_.find(std::string(name)); it != left_out_.end()) {
    return Error(ErrorCode::kEngineQuarantined, it->second);
  }
  if (const auto it = disabled_.find(std::string(name)); it != disabled_.end()) {
    return Error(ErrorCode::kEngineDisabled, "op",
                 "op '" + shown + "' belongs to engine '" + it->second + "', which is not enabled")
        .with_hint("add \"" + it->second + "\" to engines = [...] in the server's config");
  }
  Nearest nearest(name);
  for (const auto& [known, entry] : names_) {
    if (!is_internal(entry->row->name)) nearest.offer(known);
  }
  const std::string found(nearest.found());
  return Error(ErrorCode::kUnknownOp, "op", "unknown op: " + shown)
      .with_hint(found.empty() ? "" : "did you mean '" + found + "'?");
}

Status OpTable::bind_args(std::uint32_t op, ByteView args_json,
                          bridge::AlignedBuffer& block) const {
  json::Reader reader(args_json);
  return entries_[op].args.bind_object(block, reader, true, FieldPath());
}

}  // namespace stator::ops
