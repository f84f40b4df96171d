// `statord plugin inspect|verify|lock`: what engine libraries are, without running any of their
// code. Answers are JSON, one object a line; the lock is text.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"

namespace stator::server {

struct PluginCommand {
  enum class Action : std::uint8_t { kInspect, kVerify, kLock };
  Action action = Action::kInspect;
  // Libraries; none: all that a server with this engine_path would find.
  std::vector<std::string> files;
  std::vector<std::string> engine_path;
  std::string lock;    // verify: the lock to compare with; empty: none
  std::uint64_t min_conformance = 0;      // verify: what that must say
  std::vector<std::string> conformances;  // lock: files that stator-plugin-check wrote
  std::string output;  // lock: the file to write; empty: standard output
  // lock: files with private keys that sign it. verify: with public ones, one of which must have.
  std::vector<std::string> keys;
};

// The program's exit code. inspect and lock: 1 and nothing written if a library cannot be read.
// verify: a line per library with "ok" or "refused"; 1 if one of them is refused, or others could
// change it.
Result<int> run_plugin_command(const PluginCommand& command, std::ostream& out);

}  // namespace stator::server
