// Finds the engine libraries, loads the enabled ones and builds the catalog.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "plugin/catalog.h"
#include "server/config.h"
#include "server/crash_reports.h"

namespace stator::server {

struct EngineSet {
  plugin::Catalog catalog;
  // Wire and canonical names of ops whose engines are installed but not enabled -> engine id.
  std::map<std::string, std::string> disabled_ops;
  // Such names of engines that are left out because they crash when they are opened -> why.
  std::map<std::string, std::string> left_out_ops;
  std::vector<std::string> enabled;  // ids, without the kernel's own
};

// Directories that are searched, in order: config.engine_path, then lib/stator/engines beside the
// program's bin directory. Library ID.so holds engine ID. Errors (one sentence each): a configured
// engine that is not installed, one that cannot be loaded, is not in the lock, or could be changed
// by others (unless config.allows_insecure_plugins: then a warning), an unknown key in [engine.ID].
// An engine whose library crashed before it was open, as `crashes` say, is left out as if it were
// not enabled.
Status load_engines(const Config& config, const std::vector<CrashReport>& crashes,
                    EngineSet& engines);

// Engine id -> path of its library; the first directory that has it wins.
std::map<std::string, std::string> find_libraries(const std::vector<std::string>& engine_path);

// Reads a lock that others cannot change, or says who could (kBadRequest), and that one of the keys
// in the files `keys` has signed; without any it need not be signed.
Result<plugin::LockFile> read_lock(const std::string& path, const std::vector<std::string>& keys,
                                   bool allows_insecure);

}  // namespace stator::server
