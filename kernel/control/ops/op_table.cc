#include "control/ops/op_table.h"

#include "base/limits.h"
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
    table.entries_.push_back({op.row, &op, 0, std::move(args), 0, op.label, {}, nullptr});
  }
  for (std::uint32_t i = 0; i < session_rows.size(); ++i) {
    const stator_op& row = session_rows[i];
    if (catalog.claims().contains(row.name)) {
      return Error(ErrorCode::kRejectedPrevalidation,
                   std::string("op '") + row.name + "' is reserved for the kernel");
    }
    STATOR_TRY(ArgSet args, compile(row, "kernel"));
    table.entries_.push_back({&row, nullptr, i, std::move(args), 0, row.name, {}, nullptr});
  }
  for (std::uint32_t i = 0; i < table.entries_.size(); ++i) table.entries_[i].index = i;
  for (const auto& [name, index] : catalog.names()) {
    table.names_.emplace(name, &table.entries_[index]);
  }
  for (const OpEntry& entry : table.entries_) {
    if (entry.op == nullptr) table.names_.emplace(entry.row->name, &entry);
  }
  table.add_choices();
  return table;
}

// A name that means one op everywhere needs none: its requests are looked up once.
void OpTable::add_choices() {
  for (const auto& [name, claims] : catalog_->claims()) {
    const plugin::Op* anywhere = catalog_->find(name);
    if (anywhere != nullptr && claims.size() == 1) continue;
    OpChoice& choice = choices_.emplace_back();
    if (anywhere != nullptr) choice.anywhere = &entries_[anywhere->index];
    for (const std::uint32_t index : claims) {
      OpEntry& entry = entries_[index];
      choice.own.emplace_back(catalog_->engine_of(*entry.op).id, &entry);
      if (&entry != choice.anywhere) entry.own_names.push_back(name);
    }
    const OpEntry& first =
        choice.anywhere != nullptr ? *choice.anywhere : *choice.own.front().second;
    chosen_by_collection_.push_back(
        {first.row, first.op, 0, ArgSet::compile(nullptr, 0).take(), kNoEntry, name, {}, &choice});
    names_.insert_or_assign(name, &chosen_by_collection_.back());
  }
}

const OpEntry* OpChoice::in_collection_of(std::string_view engine) const {
  for (const auto& [id, entry] : own) {
    if (id == engine) return entry;
  }
  return anywhere;
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

std::optional<Error> OpTable::why_not_served(std::string_view name) const {
  const std::string shown(name.substr(0, 64));
  if (const auto it = left_out_.find(std::string(name)); it != left_out_.end()) {
    return Error(ErrorCode::kEngineQuarantined, it->second);
  }
  if (const auto it = disabled_.find(std::string(name)); it != disabled_.end()) {
    return Error(ErrorCode::kEngineDisabled, "op",
                 "op '" + shown + "' belongs to engine '" + it->second + "', which is not enabled")
        .with_hint("add \"" + it->second + "\" to engines = [...] in the server's config");
  }
  return std::nullopt;
}

Error OpTable::not_here(std::string_view name, const OpChoice& choice,
                        std::string_view collection) const {
  if (auto why = why_not_served(name)) return std::move(*why);
  std::string engines;
  for (const auto& [id, entry] : choice.own) {
    engines += (engines.empty() ? "'" : ", '") + std::string(id) + "'";
  }
  return Error(ErrorCode::kUnknownOp, "op",
               "op '" + std::string(name) + "' is there in collections of engine " + engines +
                   " only, and collection '" +
                   std::string(collection.substr(0, kCollectionBytesMax)) + "' is none")
      .with_hint("collection_engine_set makes it one; '" + choice.own.front().second->label +
                 "' reaches the op anywhere");
}

Error OpTable::unknown(std::string_view name) const {
  const std::string shown(name.substr(0, 64));
  if (auto why = why_not_served(name)) return std::move(*why);
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
