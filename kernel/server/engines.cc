#include "server/engines.h"

#include <algorithm>
#include <array>
#include <unistd.h>
#include <utility>

#include "stator/json_reader.hpp"
#include "stator/json_writer.hpp"

#include "base/limits.h"
#include "base/log.h"
#include "base/nearest.h"
#include "data/host/call_context.h"
#include "io/ed25519.h"
#include "io/file_system.h"
#include "io/trusted_file.h"
#include "plugin/library.h"
#include "system/system_engine.h"

namespace stator::server {
namespace {

constexpr std::string_view kSuffix = ".so";

std::string program_directory() {
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  const std::string text(path.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  return text.substr(0, text.rfind('/'));
}

Error not_installed(const std::string& id, const std::map<std::string, std::string>& found) {
  std::vector<std::string> known;
  std::string list;
  for (const auto& [name, path] : found) {
    known.push_back(name);
    list += (list.empty() ? "" : ", ") + name;
  }
  const std::string nearest = nearest_name(id, known);
  return Error(ErrorCode::kEngineMissing,
               "engine '" + id + "' is enabled but not installed (no library " + id + ".so; found: " +
                   (list.empty() ? "none" : list) + ")" +
                   (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

Error not_wanted(const std::string& id) {
  return Error(ErrorCode::kBadRequest,
               "config: [engine." + id + "] is set, but '" + id + "' is not in engines = [...]");
}

Status check_config_keys(const plugin::Engine& engine) {
  json::Reader reader(engine.config_json);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::vector<std::string> known;
    for (std::uint64_t i = 0; i < engine.descriptor.config_key_count; ++i) {
      known.emplace_back(engine.descriptor.config_keys[i].name);
    }
    const std::string name = json::unescape(key);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string nearest = nearest_name(name, known);
      return Error(ErrorCode::kBadRequest, "config: unknown key 'engine." + engine.id + "." + name + "'" +
                                               (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
    }
    std::string_view ignored;
    reader.skip(ignored);
  }
  return ok_status();
}

// `what` could be changed by others, as `concern` says: refused, or said at every start.
Status judge(const std::string& what, const std::string& concern, bool allows_insecure) {
  if (concern.empty()) return ok_status();
  if (!allows_insecure) {
    return Error(ErrorCode::kEngineMissing,
                 what + " is not safe from others: " + concern +
                     "; or start with --insecure-plugins to be warned only");
  }
  log::warn(what + " is not safe from others: " + concern);
  return ok_status();
}

// What is loaded is what was looked at: the bytes of the result.
Result<plugin::LibraryFile> look_at(const std::string& path, const Config& config,
                                    const plugin::LockFile* lock) {
  STATOR_TRY(plugin::LibraryFile library, plugin::read_library(path));
  STATOR_CHECK(judge("engine library " + path, library.concern, config.allows_insecure_plugins));
  if (lock != nullptr) {
    STATOR_CHECK(plugin::check_lock(library, *lock, config.plugins_min_conformance));
    library.conformance = lock->entries.at(library.manifest.id).conformance;
  }
  return library;
}

// Adds the engine of the library at `path`, which must be `id`.
Status add_engine(const std::string& id, const std::string& path, const Config& config,
                  const plugin::LockFile* lock, plugin::Catalog& catalog) {
  STATOR_TRY(const plugin::LibraryFile library, look_at(path, config, lock));
  if (library.manifest.id != id) {
    return Error(ErrorCode::kEngineMissing, path + ": the library is named '" + id +
                                                "' but holds engine '" + library.manifest.id +
                                                "'; name it " + library.manifest.id + ".so");
  }
  STATOR_TRY(const stator_engine_entry entry, plugin::load_entry(library));
  return catalog.add(entry, host::kernel_hello(), library);
}

// The names of the ops of an installed engine that does not serve, so that they can say why. A
// library that does not load is no fault here: nobody enabled it.
std::vector<std::string> op_names(const std::string& id, const std::string& path,
                                  const Config& config, const plugin::LockFile* lock) {
  plugin::Catalog probe;
  if (!add_engine(id, path, config, lock, probe).ok()) return {};
  std::vector<std::string> names;
  for (const auto& [name, index] : probe.names()) names.push_back(name);
  for (const auto& [name, claims] : probe.claims()) names.push_back(name);
  return names;
}

// Whether the library is left out because it crashes; then its ops say so, if it can be asked for
// them.
Result<bool> leave_out(const std::string& id, const std::string& path, const Config& config,
                       const plugin::LockFile* lock, const std::vector<CrashReport>& crashes,
                       EngineSet& engines) {
  if (crashes.empty()) return false;
  STATOR_TRY(const plugin::LibraryFile library, look_at(path, config, lock));
  const std::string why = why_left_out(library, crashes);
  if (why.empty()) return false;
  log::error(why);
  const bool can_be_asked = std::none_of(crashes.begin(), crashes.end(), [&](const auto& report) {
    return report.sha256 == library.sha256 && report.phase != "open";
  });
  if (!can_be_asked) return true;
  for (std::string& name : op_names(id, path, config, lock)) {
    engines.left_out_ops.emplace(std::move(name), why);
  }
  return true;
}

// [ops] says nothing that is not so. An engine that is left out because it crashes is no fault of
// the config: its names say why, and are nobody else's meanwhile.
Status check_pins(const Config& config, const EngineSet& engines) {
  for (const auto& [name, id] : config.op_pins) {
    if (engines.left_out_ops.contains(id + "." + name)) continue;
    const auto claims = engines.catalog.claims().find(name);
    const bool has_it =
        claims != engines.catalog.claims().end() &&
        std::any_of(claims->second.begin(), claims->second.end(),
                    [&, engine = std::string_view(id)](std::uint32_t op) {
                      return engines.catalog.engine_of(engines.catalog.ops()[op]).id == engine;
                    });
    if (has_it) continue;
    const bool is_enabled = engines.catalog.find_engine(id) != nullptr;
    return Error(ErrorCode::kBadRequest,
                 "config: ops." + name + " = \"" + id + "\", but engine '" + id +
                     (is_enabled ? "' has no op of that name" : "' is not enabled"));
  }
  return ok_status();
}

// The kernel's own engine is told which others there are.
void tell_builtin(plugin::Catalog& catalog) {
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().key("engines").begin_array();
  for (const auto& engine : catalog.engines()) {
    if (!engine->is_builtin) json.string(engine->id);
  }
  json.end_array().end_object();
  catalog.engines().front()->config_json = out.take();
}

}  // namespace

std::map<std::string, std::string> find_libraries(const std::vector<std::string>& engine_path) {
  std::vector<std::string> directories = engine_path;
  directories.push_back(program_directory() + "/../lib/stator/engines");
  std::map<std::string, std::string> found;
  for (const std::string& directory : directories) {
    auto names = io::posix_file_system().list(directory);
    if (!names.ok()) continue;
    for (const std::string& name : names.value()) {
      if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix)) continue;
      std::string path = directory;
      path.append("/").append(name);
      found.emplace(name.substr(0, name.size() - kSuffix.size()), std::move(path));
    }
  }
  return found;
}

Result<plugin::LockFile> read_lock(const std::string& path, const std::vector<std::string>& keys,
                                   bool allows_insecure) {
  std::vector<plugin::TrustedKey> trusted;
  for (const std::string& name : keys) {
    STATOR_TRY(const io::TrustedFile file, io::read_trusted_file(name, kKeyFileBytesMax));
    STATOR_CHECK(judge("plugins_keys " + name, file.concern, allows_insecure));
    auto key = io::ed25519_public_key(file.bytes);
    if (!key.ok()) return Error(key.error().code(), name + " " + key.error().sentence());
    trusted.push_back({name, key.take()});
  }
  STATOR_TRY(const io::TrustedFile file, io::read_trusted_file(path, kPluginLockBytesMax));
  STATOR_CHECK(judge("plugins_lock " + path, file.concern, allows_insecure));
  STATOR_TRY(plugin::LockFile lock, plugin::parse_lock(file.bytes, path));
  STATOR_CHECK(plugin::check_signature(lock, trusted));
  return lock;
}

Status load_engines(const Config& config, const std::vector<CrashReport>& crashes,
                    EngineSet& engines) {
  for (const auto& [name, id] : config.op_pins) engines.catalog.pin(name, id);
  STATOR_CHECK(engines.catalog.add_builtin(&stator_system_engine_entry, host::kernel_hello()));
  std::optional<plugin::LockFile> locked;
  if (!config.plugins_lock.empty()) {
    STATOR_TRY(locked,
               read_lock(config.plugins_lock, config.plugins_keys, config.allows_insecure_plugins));
  } else if (!config.plugins_keys.empty()) {
    return Error(ErrorCode::kBadRequest,
                 "config: plugins_keys is set, but no plugins_lock that they would have signed");
  } else if (config.plugins_min_conformance != 0) {
    return Error(ErrorCode::kBadRequest,
                 "config: plugins_min_conformance is set, but no plugins_lock that would say it");
  }
  const plugin::LockFile* lock = locked ? &*locked : nullptr;
  const auto found = find_libraries(config.engine_path);
  std::vector<std::string> wanted;
  if (config.engines) {
    wanted = *config.engines;
  } else {
    for (const auto& [id, path] : found) wanted.push_back(id);
  }
  for (const auto& [id, json] : config.engine_config) {
    if (std::find(wanted.begin(), wanted.end(), id) == wanted.end()) {
      return not_wanted(id);
    }
  }
  for (const std::string& id : wanted) {
    const auto it = found.find(id);
    if (it == found.end()) return not_installed(id, found);
    STATOR_TRY(const bool is_left_out, leave_out(id, it->second, config, lock, crashes, engines));
    if (is_left_out) continue;
    STATOR_CHECK(add_engine(id, it->second, config, lock, engines.catalog));
    plugin::Engine& engine = *engines.catalog.engines().back();
    if (const auto json = config.engine_config.find(id); json != config.engine_config.end()) {
      engine.config_json = json->second;
    }
    STATOR_CHECK(check_config_keys(engine));
    engines.enabled.push_back(id);
  }
  for (const auto& [id, path] : found) {
    if (std::find(wanted.begin(), wanted.end(), id) != wanted.end()) continue;
    const auto is_left_out = leave_out(id, path, config, lock, crashes, engines);
    if (!is_left_out.ok() || is_left_out.value()) continue;
    for (std::string& name : op_names(id, path, config, lock)) {
      engines.disabled_ops.emplace(std::move(name), id);
    }
  }
  STATOR_CHECK(check_pins(config, engines));
  tell_builtin(engines.catalog);
  engines.catalog.seal();
  return ok_status();
}

}  // namespace stator::server
