#include "plugin/catalog.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/limits.h"
#include "library/row_rules.h"
#include "plugin/crossing.h"
#include "plugin/engine_scope.h"

namespace stator::plugin {
namespace {

static_assert(library::kArgsMax == kOpArgsMax);

constexpr const char* kRemedy = "; build it with the SDK of this server, or take a newer server";

Error refuse(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kRejectedPrevalidation,
               (path.empty() ? std::string("built-in engine") : path) + ": " + why);
}

// The note is what was looked at before the library's code ran; it must not have said anything
// else.
Status check_same(const LibraryFile& library, const stator_engine_v1& engine) {
  const Manifest& note = library.manifest;
  const auto differs = [&](const char* field, const std::string& noted, const std::string& live) {
    return refuse(library.path, std::string("its note says ") + field + " " + noted +
                                    ", its descriptor " + live +
                                    "; make STATOR_ENGINE_NOTE and the description say the same");
  };
  if (note.id != engine.id) return differs("id", note.id, engine.id);
  if (note.version != engine.version) return differs("version", note.version, engine.version);
  if (note.abi_minor != engine.abi_minor) {
    return differs("abi_minor", std::to_string(note.abi_minor), std::to_string(engine.abi_minor));
  }
  return ok_status();
}

// `args` points to our copies then. What is too many, or nothing, check_op names.
Status take_args(Engine& engine, const stator_arg*& args, std::uint64_t count) {
  if (args == nullptr || count == 0 || count > kOpArgsMax) return ok_status();
  std::vector<stator_arg>& mine = engine.args.emplace_back();
  STATOR_CHECK(take_known(args, count, "stator_arg", mine));
  args = mine.data();
  return ok_status();
}

// With the fields of rows, which have none of their own.
Status take_op(Engine& engine, const stator_op& theirs, stator_op& mine) {
  STATOR_CHECK(take_known(theirs, "stator_op", mine));
  const stator_arg* args = mine.args;
  STATOR_CHECK(take_args(engine, mine.args, mine.arg_count));
  if (mine.args == args) return ok_status();
  for (stator_arg& arg : engine.args.back()) {
    if (arg.type == STATOR_ARG_ROWS) STATOR_CHECK(take_args(engine, arg.fields, arg.field_count));
  }
  return ok_status();
}

constexpr stator_arg stream_arg() {
  stator_arg arg{};
  arg.struct_size = sizeof arg;
  arg.type = STATOR_ARG_BOOL;
  arg.name = library::kStreamArg.data();
  arg.doc =
      "Answers all pages, one after the other, as the parts of one answer; 'limit' and the like "
      "are "
      "of each.";
  arg.default_json = "false";
  return arg;
}

// What answers page by page can be streamed, which clients say with one argument more.
void add_stream_arg(Engine& engine, stator_op& op) {
  const auto is_cursor = [](const stator_arg& arg) { return (arg.flags & STATOR_ARG_CURSOR) != 0; };
  if (std::none_of(op.args, op.args + op.arg_count, is_cursor)) return;
  std::vector<stator_arg>& mine = engine.args.emplace_back(op.args, op.args + op.arg_count);
  mine.push_back(stream_arg());
  op.args = mine.data();
  ++op.arg_count;
}

std::string canonical(const Engine& engine, const stator_op& op) {
  return engine.id + "." + op.name;
}

std::vector<std::string> wire_names(const stator_op& op) {
  std::vector<std::string> names = {op.name};
  for (const char* const* alias = op.aliases; alias != nullptr && *alias != nullptr; ++alias) {
    names.emplace_back(*alias);
  }
  return names;
}

Error is_taken(const std::string& name, const Engine& engine, const Engine& other) {
  const bool is_kernels = engine.is_builtin || other.is_builtin;
  const std::string remedy = "; say whose it is where a collection belongs to neither: [ops] " +
                             name + " = \"" + other.id + "\" in the server's config";
  return refuse(engine.path, "op '" + name + "' of engine '" + engine.id +
                                 "' is already served by engine '" + other.id + "'" +
                                 (is_kernels ? "" : remedy));
}

std::uint32_t routing_arg(const stator_op& op) {
  for (std::uint32_t i = 0; i < op.arg_count; ++i) {
    if ((op.args[i].flags & STATOR_ARG_ROUTING_KEY) != 0) return i;
  }
  return 0;
}

}  // namespace

Status Catalog::add(stator_engine_entry entry, const stator_kernel_hello& hello,
                    const LibraryFile& library) {
  return add(entry, hello, &library);
}

Status Catalog::add_builtin(stator_engine_entry entry, const stator_kernel_hello& hello) {
  return add(entry, hello, nullptr);
}

Status Catalog::add(stator_engine_entry entry, const stator_kernel_hello& hello,
                    const LibraryFile* library) {
  const std::string path = library == nullptr ? "" : library->path;
  // Until all is copied or refused: what the descriptor points to may be anything, too.
  std::optional<EngineScope> scope;
  if (library != nullptr) scope.emplace(*library, "describe");
  const stator_engine_v1* theirs = entry(&hello);
  if (theirs == nullptr) {
    return refuse(path, "the engine refuses this server's contract version " +
                            std::to_string(STATOR_ABI_MAJOR) + "." +
                            std::to_string(STATOR_ABI_MINOR) + kRemedy);
  }
  // These stand where they are in every version.
  if (theirs->abi_major != STATOR_ABI_MAJOR || theirs->abi_minor > STATOR_ABI_MINOR) {
    return refuse(path, "it needs contract version " + std::to_string(theirs->abi_major) + "." +
                            std::to_string(theirs->abi_minor) + ", this server has " +
                            std::to_string(STATOR_ABI_MAJOR) + "." +
                            std::to_string(STATOR_ABI_MINOR) + kRemedy);
  }
  auto engine = std::make_unique<Engine>();
  stator_engine_v1& descriptor = engine->descriptor;
  if (auto taken = take_known(*theirs, "stator_engine_v1", descriptor); !taken.ok())
    return refuse(path, taken.error().sentence());
  if (std::string fault = library::check_engine(descriptor); !fault.empty())
    return refuse(path, fault);
  engine->id = descriptor.id;
  engine->is_builtin = library == nullptr;
  if (library != nullptr) {
    STATOR_CHECK(check_same(*library, descriptor));
    engine->path = path;
    engine->sha256 = library->sha256;
    engine->build_id = library->build_id;
    engine->library_bytes = library->bytes.size();
    engine->conformance = library->conformance;
    engine->code = code_range_of(reinterpret_cast<const void*>(entry));
  }
  if (const Engine* other = find_engine(engine->id)) {
    return refuse(engine->path, "engine '" + engine->id + "' is already brought by " + other->path);
  }
  if (auto taken = take_known(descriptor.config_keys, descriptor.config_key_count,
                              "stator_config_key", engine->config_keys);
      !taken.ok()) {
    return refuse(path, taken.error().sentence());
  }
  for (const stator_config_key& key : engine->config_keys) {
    if (std::string fault = library::check_config_key(descriptor, key); !fault.empty())
      return refuse(path, fault);
  }
  descriptor.config_keys = engine->config_keys.data();
  STATOR_CHECK(add_ops(*engine, descriptor.ops));
  for (std::uint32_t i = 0; i < engine->ops.size(); ++i) register_op(*engine, i);
  engines_.push_back(std::move(engine));
  return ok_status();
}

Status Catalog::add_ops(Engine& engine, const stator_op* const* rows) {
  for (std::uint32_t i = 0; i < engine.descriptor.op_count; ++i) {
    stator_op& op = engine.ops.emplace_back();
    if (auto taken = take_op(engine, *rows[i], op); !taken.ok()) {
      const std::string name = op.name == nullptr ? std::to_string(i) : op.name;
      return refuse(engine.path, "op '" + name + "': " + taken.error().sentence());
    }
    if (std::string fault = library::check_op(engine.descriptor, op); !fault.empty())
      return refuse(engine.path, fault);
    add_stream_arg(engine, op);
    STATOR_CHECK(check_names(engine, op));
  }
  std::set<std::string> own;
  for (const stator_op& op : engine.ops) {
    for (const std::string& name : wire_names(op)) {
      if (own.insert(name).second) continue;
      return refuse(engine.path, "engine '" + engine.id + "' has two ops named '" + name + "'");
    }
  }
  return ok_status();
}

// Several engines may have a wire name if at most one of them is meant by it in collections that
// belong to none of them. The kernel's own names are nobody else's.
Status Catalog::check_names(const Engine& engine, const stator_op& op) const {
  for (const std::string& name : wire_names(op)) {
    const auto claims = claims_.find(name);
    if (claims == claims_.end()) continue;
    for (const std::uint32_t index : claims->second) {
      const Engine& other = engine_of(ops_[index]);
      const bool is_kernels = engine.is_builtin || other.is_builtin;
      const bool are_both_meant = is_meant_everywhere(engine, op, name) &&
                                  is_meant_everywhere(other, *ops_[index].row, name);
      if (!is_kernels && !are_both_meant) continue;
      return is_taken(name, engine, other);
    }
  }
  return ok_status();
}

bool Catalog::is_meant_everywhere(const Engine& engine, const stator_op& op,
                                  const std::string& name) const {
  const auto pin = pins_.find(name);
  if (pin != pins_.end()) return pin->second == engine.id;
  return (op.flags & STATOR_OP_OWN_COLLECTIONS) == 0;
}

void Catalog::register_op(const Engine& engine, std::uint32_t op_index) {
  const auto index = static_cast<std::uint32_t>(ops_.size());
  const stator_op& row = engine.ops[op_index];
  std::string label =
      is_meant_everywhere(engine, row, row.name) ? row.name : canonical(engine, row);
  names_.emplace(canonical(engine, row), index);
  for (const std::string& name : wire_names(row)) {
    claims_[name].push_back(index);
    if (is_meant_everywhere(engine, row, name)) names_.emplace(name, index);
  }
  const auto engine_index = static_cast<std::uint32_t>(engines_.size());
  ops_.push_back({index, engine_index, op_index, &row, routing_arg(row), std::move(label), ""});
}

void Catalog::seal() {
  for (Op& op : ops_) {
    for (const char* const* name = op.row->requires_ops; name != nullptr && *name != nullptr; ++name) {
      if (find(*name) == nullptr) {
        op.missing = *name;
        break;
      }
    }
  }
}

const Op* Catalog::find(std::string_view name) const {
  const auto it = names_.find(name);
  return it == names_.end() ? nullptr : &ops_[it->second];
}

const Engine* Catalog::find_engine(std::string_view id) const {
  for (const auto& engine : engines_) {
    if (engine->id == id) return engine.get();
  }
  return nullptr;
}

}  // namespace stator::plugin
