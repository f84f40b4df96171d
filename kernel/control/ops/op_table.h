// The op table: every operation a client can name, compiled from what the plugins declare (and the
// kernel's own session ops). Built once at start; immutable; any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bridge/arg_binding.h"
#include "control/ops/arg_set.h"
#include "plugin/catalog.h"

namespace stator::ops {

struct OpChoice;

struct OpEntry {
  const stator_op* row = nullptr;
  const plugin::Op* op = nullptr;  // null: an op of the session itself
  std::uint32_t session_op = 0;    // if op is null: index into the session's rows
  ArgSet args;
  std::uint32_t index = 0;  // in entries()
  // The name that means this op in every collection; for describe and counts.
  std::string label = {};
  // Wire names that mean it in collections of its engine only.
  std::vector<std::string> own_names = {};
  // Not null: this stands for a name that several ops have, and is none itself.
  const OpChoice* choice = nullptr;
};

// What a wire name means that is not one op's everywhere (ADR 50).
struct OpChoice {
  const OpEntry* anywhere =
      nullptr;  // in collections that belong to no engine of these; may be null
  std::vector<std::pair<std::string_view, const OpEntry*>>
      own;  // by engine id: all that have the name

  // In a collection of that engine (empty: of none); null: the name means nothing there.
  const OpEntry* in_collection_of(std::string_view engine) const;
};

// Op names differ in their first bytes or in length. Clients cannot add names, so this need not
// withstand them.
struct OpNameHash {
  std::size_t operator()(std::string_view name) const {
    std::uint64_t head = name.size();
    std::memcpy(&head, name.data(), std::min(name.size(), sizeof head));
    std::uint64_t tail = 0;
    if (name.size() > sizeof head) std::memcpy(&tail, name.data() + name.size() - sizeof tail, sizeof tail);
    return (head ^ std::rotl(tail, 23) ^ name.size()) * 0x9e3779b97f4a7c15u >> 32;
  }
};

class OpTable final : public bridge::ArgBinding {
 public:
  // `session_rows` outlives the table. Error: a row that does not compile, naming engine and op.
  static Result<OpTable> build(const plugin::Catalog& catalog,
                               std::span<const stator_op> session_rows);

  // By wire name, alias or canonical name; null if unknown. An entry with a choice is no op: the
  // collection's engine says which one is meant.
  const OpEntry* find(std::string_view name) const;
  const std::deque<OpEntry>& entries() const { return entries_; }
  const plugin::Catalog& catalog() const { return *catalog_; }

  // unknown_op, with the nearest known name; or engine_disabled where an installed but not enabled
  // engine has it.
  Error unknown(std::string_view name) const;
  // Of a name that only collections of some engines know, and `collection` is none.
  Error not_here(std::string_view name, const OpChoice& choice, std::string_view collection) const;
  // The names (wire, canonical) of ops of engines that are installed but not enabled.
  void add_disabled(std::string name, std::string engine_id);
  // Of an engine that is left out because it crashes: engine_quarantined, with this sentence.
  void add_left_out(std::string name, std::string why);

  Status bind_args(std::uint32_t op, ByteView args_json,
                   bridge::AlignedBuffer& block) const override;

 private:
  OpTable() = default;
  void add_choices();
  std::optional<Error> why_not_served(std::string_view name) const;
  const plugin::Catalog* catalog_ = nullptr;
  std::deque<OpEntry> entries_;  // catalog's ops first, in its order
  std::deque<OpChoice> choices_;
  std::deque<OpEntry> chosen_by_collection_;  // one for each choice
  std::unordered_map<std::string_view, const OpEntry*, OpNameHash> names_;
  std::unordered_map<std::string, std::string> disabled_;
  std::unordered_map<std::string, std::string> left_out_;
};

// The index of no op.
inline constexpr std::uint32_t kNoEntry = 0xffffffff;

// Names that begin so are the kernel's inner ops, which no connection reaches, and arguments that
// the gate writes.
inline bool is_internal(std::string_view name) { return !name.empty() && name.front() == '_'; }

}  // namespace stator::ops
