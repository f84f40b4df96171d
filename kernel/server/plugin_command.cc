#include "server/plugin_command.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "stator/json_writer.hpp"

#include "base/limits.h"
#include "io/file_system.h"
#include "io/secret_file.h"
#include "io/trusted_file.h"
#include "plugin/conformance.h"
#include "plugin/library_file.h"
#include "server/engines.h"

namespace stator::server {
namespace {

constexpr int kExitRefused = 1;

void write_facts(const plugin::LibraryFile& library, json::Writer& json) {
  json.field("file", std::string_view(library.path))
      .field("id", std::string_view(library.manifest.id))
      .field("version", std::string_view(library.manifest.version))
      .field("abi_major", library.manifest.abi_major)
      .field("abi_minor", library.manifest.abi_minor)
      .field("bytes", std::uint64_t{library.bytes.size()})
      .field("sha256", std::string_view(library.sha256))
      .field("build_id", std::string_view(library.build_id));
}

Result<int> inspect(const std::vector<std::string>& files, std::ostream& out) {
  for (const std::string& file : files) {
    STATOR_TRY(const plugin::LibraryFile library, plugin::read_library(file));
    json::StringOut text;
    json::Writer json(text);
    json.begin_object();
    write_facts(library, json);
    if (!library.concern.empty()) json.field("concern", std::string_view(library.concern));
    json.end_object();
    out << text.view() << '\n';
  }
  return 0;
}

// What a server would say to the library; empty: nothing.
std::string refusal(const std::string& file, const plugin::LockFile* lock,
                    std::uint64_t min_conformance) {
  auto library = plugin::read_library(file);
  if (!library.ok()) return library.error().sentence();
  if (!library.value().concern.empty()) return library.value().concern;
  if (lock == nullptr) return "";
  auto status = plugin::check_lock(library.value(), *lock, min_conformance);
  return status.ok() ? "" : status.error().sentence();
}

Result<int> verify(const PluginCommand& command, const std::vector<std::string>& files,
                   std::ostream& out) {
  std::optional<plugin::LockFile> lock;
  if (!command.lock.empty()) {
    STATOR_TRY(lock, read_lock(command.lock, command.keys, false));
  }
  int code = 0;
  for (const std::string& file : files) {
    const std::string refused = refusal(file, lock ? &*lock : nullptr, command.min_conformance);
    json::StringOut text;
    json::Writer json(text);
    json.begin_object().field("file", std::string_view(file));
    json.field("result", std::string_view(refused.empty() ? "ok" : "refused"));
    if (!refused.empty()) json.field("reason", std::string_view(refused));
    json.end_object();
    out << text.view() << '\n';
    if (!refused.empty()) code = kExitRefused;
  }
  return code;
}

// Notes in the lock what the files say of the libraries that stand in it.
Status note_conformances(const std::vector<std::string>& files, plugin::LockFile& lock) {
  for (const std::string& file : files) {
    STATOR_TRY(const io::TrustedFile text, io::read_trusted_file(file, kConformanceBytesMax));
    auto made = plugin::parse_conformance(text.bytes);
    if (!made.ok()) return Error(made.error().code(), file + " " + made.error().sentence());
    const plugin::Conformance& conformance = made.value();
    const auto entry = std::find_if(lock.entries.begin(), lock.entries.end(), [&](const auto& one) {
      return one.second.sha256 == conformance.sha256;
    });
    if (entry == lock.entries.end()) {
      return Error(ErrorCode::kBadRequest,
                   file + " is of a library with the sha256 " + conformance.sha256 +
                       ", and none of these has it; run stator-plugin-check on the very file");
    }
    if (conformance.level == 0) {
      return Error(ErrorCode::kBadRequest,
                   file + " says that engine '" + entry->first +
                       "' did not pass, or was not asked all: run stator-plugin-check without "
                       "--only, and without a sanitizer");
    }
    entry->second.conformance = conformance.level;
  }
  return ok_status();
}

Result<int> write_lock(const PluginCommand& command, const std::vector<std::string>& files,
                       std::ostream& out) {
  plugin::LockFile lock;
  for (const std::string& file : files) {
    STATOR_TRY(const plugin::LibraryFile library, plugin::read_library(file));
    const plugin::LockEntry entry{library.manifest.version, library.sha256};
    if (!lock.entries.emplace(library.manifest.id, entry).second) {
      return Error(ErrorCode::kBadRequest,
                   file + " is a second library of engine '" + library.manifest.id + "'");
    }
  }
  STATOR_CHECK(note_conformances(command.conformances, lock));
  std::string text = plugin::lock_text(lock);
  for (const std::string& path : command.keys) {
    STATOR_TRY(const std::string pem, io::read_secret_file(path, kKeyFileBytesMax));
    auto signed_text = plugin::sign_lock(text, pem);
    if (!signed_text.ok()) {
      return Error(signed_text.error().code(), path + " " + signed_text.error().sentence());
    }
    text = signed_text.take();
  }
  if (command.output.empty()) {
    out << text;
    return 0;
  }
  STATOR_CHECK(io::write_file_durably(io::posix_file_system(), command.output, text));
  // Nothing in it is secret, and the server that reads it is often another user.
  std::error_code reason;
  std::filesystem::permissions(command.output, std::filesystem::perms{0644}, reason);
  if (reason)
    return Error(ErrorCode::kStorage, "chmod " + command.output + ": " + reason.message());
  return 0;
}

}  // namespace

Result<int> run_plugin_command(const PluginCommand& command, std::ostream& out) {
  std::vector<std::string> files = command.files;
  if (files.empty()) {
    for (auto& [id, path] : find_libraries(command.engine_path)) files.push_back(path);
  }
  if (files.empty())
    return Error(ErrorCode::kBadRequest,
                 "no engine libraries here; name some, or give --engine-path");
  switch (command.action) {
    case PluginCommand::Action::kInspect:
      return inspect(files, out);
    case PluginCommand::Action::kVerify:
      return verify(command, files, out);
    case PluginCommand::Action::kLock:
      return write_lock(command, files, out);
  }
  return kExitRefused;
}

}  // namespace stator::server
