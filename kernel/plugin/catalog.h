// The engines of this server and their op rows: built at start, immutable after it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stator/engine.h"

#include "base/ids.h"
#include "base/result.h"
#include "plugin/code_range.h"
#include "plugin/library_file.h"

namespace stator::plugin {

struct Engine {
  // Our copy, as all that it points to which crosses: zero-filled beyond what the engine knows.
  stator_engine_v1 descriptor{};
  std::string id;
  std::string path;  // of the library; empty for the kernel's own
  // Of the library, too: hash, build id (may be empty), size.
  std::string sha256;
  std::string build_id;
  std::uint64_t library_bytes = 0;
  std::uint32_t conformance = 0;  // as plugins.lock says it
  CodeRange code;
  std::string config_json = "{}";
  EngineNumber number;  // in this data directory
  bool is_builtin = false;
  // Of the reports in the data directory: how many, the last one as JSON (empty: none), and what is
  // kept away from it for that, a sentence each.
  std::uint64_t crashes = 0;
  std::string last_crash_json;
  std::vector<std::string> kept_away;
  std::vector<stator_op> ops;
  std::deque<std::vector<stator_arg>> args;  // of the ops, and of rows
  std::vector<stator_config_key> config_keys;
};

// An op as the catalog knows it; `Op::index` is what a Task carries.
struct Op {
  std::uint32_t index = 0;
  std::uint32_t engine = 0;     // index into engines()
  std::uint32_t op_index = 0;   // into the engine's ops
  const stator_op* row = nullptr;
  std::uint32_t key_arg = 0;    // if row->key_space is set: the argument that is the key
  // The name that means this op in every collection: its wire name, or ENGINE.NAME where that means
  // it in collections of its engine only. Also what it is called in files.
  std::string label;
  std::string missing;  // wire name of a required op that nobody brings; empty = usable
};

class Catalog {
 public:
  // Before the adds: where several engines have the wire name, it means that of this one in
  // collections that belong to none of them, whatever the rows say.
  void pin(std::string name, std::string engine_id) {
    pins_[std::move(name)] = std::move(engine_id);
  }
  // Adds an engine by its entry. Everything is checked before anything is registered. Errors are
  // sentences that name the engine, the field and both values: another ABI, a malformed row, an
  // id or op name that somebody has already, a descriptor that differs from the library's note.
  Status add(stator_engine_entry entry, const stator_kernel_hello& hello,
             const LibraryFile& library);
  // The kernel's own, without a library.
  Status add_builtin(stator_engine_entry entry, const stator_kernel_hello& hello);
  // After the last add: resolves requires_ops.
  void seal();

  const std::vector<std::unique_ptr<Engine>>& engines() const { return engines_; }
  std::vector<std::unique_ptr<Engine>>& engines() { return engines_; }
  const std::vector<Op>& ops() const { return ops_; }
  const Engine& engine_of(const Op& op) const { return *engines_[op.engine]; }
  // By canonical ENGINE.NAME; by wire name or alias, where it means an op in collections that
  // belong to no engine. Null if unknown.
  const Op* find(std::string_view name) const;
  const Engine* find_engine(std::string_view id) const;
  const std::map<std::string, std::uint32_t, std::less<>>& names() const { return names_; }
  // Every wire name and alias: the ops that have it, each of another engine.
  const std::map<std::string, std::vector<std::uint32_t>, std::less<>>& claims() const {
    return claims_;
  }

 private:
  Status add(stator_engine_entry entry, const stator_kernel_hello& hello,
             const LibraryFile* library);
  Status add_ops(Engine& engine, const stator_op* const* rows);
  Status check_names(const Engine& engine, const stator_op& op) const;
  bool is_meant_everywhere(const Engine& engine, const stator_op& op,
                           const std::string& name) const;
  void register_op(const Engine& engine, std::uint32_t op_index);
  std::vector<std::unique_ptr<Engine>> engines_;
  std::vector<Op> ops_;
  std::map<std::string, std::uint32_t, std::less<>> names_;
  std::map<std::string, std::vector<std::uint32_t>, std::less<>> claims_;
  std::map<std::string, std::string, std::less<>> pins_;  // wire name -> engine id
};

}  // namespace stator::plugin
