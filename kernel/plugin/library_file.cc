#include "plugin/library_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <elf.h>

#include "stator/json_reader.hpp"
#include "stator/manifest.h"
#include "stator/version.h"

#include "base/limits.h"
#include "io/sha256.h"
#include "io/trusted_file.h"
#include "plugin/elf_image.h"

namespace stator::plugin {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#else
#error "the number of this machine in ELF files is not known"
#endif

// Every process of the server has these; a hash of the file says nothing of any other.
constexpr std::array<std::string_view, 9> kAllowedLibraries = {
    "libc.so.6",  "libm.so.6",  "libstdc++.so.6",       "libgcc_s.so.1",        "libpthread.so.0",
    "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"};
// Runtimes of sanitizers, which load where the server has the same one.
constexpr std::array<std::string_view, 4> kAllowedPrefixes = {"libasan.so.", "libubsan.so.",
                                                              "libtsan.so.", "liblsan.so."};

Error refuse(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kEngineMissing, "cannot load engine library " + path + ": " + why);
}

bool is_allowed(std::string_view name) {
  return std::find(kAllowedLibraries.begin(), kAllowedLibraries.end(), name) !=
             kAllowedLibraries.end() ||
         std::any_of(kAllowedPrefixes.begin(), kAllowedPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string version_text(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

Status check_exports(const std::string& path, const ElfImage& image) {
  // The system's loader gives every library the first one's, also to one that was loaded apart.
  if (!image.shared.empty()) {
    return refuse(path,
                  "it would share '" + image.shared.front() +
                      "' with other libraries of this process (STB_GNU_UNIQUE); compile it with "
                      "-fno-gnu-unique and hide it, as stator_add_engine() does");
  }
  bool has_entry = false;
  for (const std::string& name : image.exported) {
    if (name == STATOR_ENTRY_SYMBOL) {
      has_entry = true;
      continue;
    }
    return refuse(path, "it exports '" + name +
                            "' besides " STATOR_ENTRY_SYMBOL
                            "; link it with a version script, as stator_add_engine() does");
  }
  if (has_entry) return ok_status();
  return refuse(path,
                "it has no symbol " STATOR_ENTRY_SYMBOL
                "; it is not an engine, or was built for another major version of the SDK (this "
                "server needs version " +
                    std::to_string(STATOR_ABI_MAJOR) + ")");
}

Status check_image(const std::string& path, const ElfImage& image) {
  if (image.machine != kMachine) {
    return refuse(path, "it is for machine " + std::to_string(image.machine) +
                            " (e_machine), this server runs on " + std::to_string(kMachine) +
                            "; build it here");
  }
  STATOR_CHECK(check_exports(path, image));
  for (const std::string& name : image.needed) {
    if (is_allowed(name)) continue;
    return refuse(
        path, "it needs " + name +
                  ", and an engine may need C and C++'s own libraries only; link that one in (.a)");
  }
  if (image.has_run_path)
    return refuse(path, "it has a run path (RPATH, RUNPATH); link it without -rpath");
  if (image.has_text_relocations)
    return refuse(path, "it has text relocations; compile all of it with -fPIC");
  if (image.has_executable_stack)
    return refuse(path, "it wants an executable stack; link it with -z noexecstack");
  return ok_status();
}

Status check_manifest(const std::string& path, const Manifest& manifest) {
  if (manifest.abi_major == STATOR_ABI_MAJOR && manifest.abi_minor <= STATOR_ABI_MINOR)
    return ok_status();
  return refuse(path, "it needs contract version " +
                          version_text(manifest.abi_major, manifest.abi_minor) +
                          ", this server has " + version_text(STATOR_ABI_MAJOR, STATOR_ABI_MINOR) +
                          "; build it with the SDK of this server, or take a newer server");
}

// Both go into lines of text: a lock, a log.
bool are_words(const Manifest& manifest) {
  constexpr std::string_view kOfId = "abcdefghijklmnopqrstuvwxyz0123456789_";
  constexpr std::string_view kOfVersion =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_~";
  const auto is_of = [](std::string_view text, std::string_view letters, std::size_t size_max) {
    return !text.empty() && text.size() <= size_max &&
           text.find_first_not_of(letters) == std::string_view::npos;
  };
  return is_of(manifest.id, kOfId, 32) && is_of(manifest.version, kOfVersion, 64);
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest;
  json::Reader reader(text);
  json::RawString key;
  unsigned seen = 0;
  for (reader.enter_object(); reader.next_key(key);) {
    const auto read_text = [&](std::string& to, unsigned bit) {
      json::RawString value;
      if (!reader.string(value)) return;
      to = json::unescape(value);
      seen |= bit;
    };
    const auto read_number = [&](std::uint32_t& to, unsigned bit) {
      std::string_view token;
      if (!reader.number(token)) return;
      const auto [end, fault] = std::from_chars(token.data(), token.data() + token.size(), to);
      if (fault == std::errc() && end == token.data() + token.size()) seen |= bit;
    };
    std::string_view ignored;
    if (json::equals(key, "id")) {
      read_text(manifest.id, 1);
    } else if (json::equals(key, "version")) {
      read_text(manifest.version, 2);
    } else if (json::equals(key, "abi_major")) {
      read_number(manifest.abi_major, 4);
    } else if (json::equals(key, "abi_minor")) {
      read_number(manifest.abi_minor, 8);
    } else {
      reader.skip(ignored);
    }
  }
  if (!reader.at_end() || seen != 15) {
    return Error(ErrorCode::kRejectedPrevalidation,
                 "its note is not {\"id\":TEXT,\"version\":TEXT,\"abi_major\":N,\"abi_minor\":N}");
  }
  if (!are_words(manifest)) {
    return Error(ErrorCode::kRejectedPrevalidation,
                 "the id of its note is not 1..32 of [a-z0-9_], or the version not 1..64 of "
                 "[A-Za-z0-9.+-_~]");
  }
  return manifest;
}

Result<LibraryFile> read_library(const std::string& path) {
  auto file = io::read_trusted_file(path, kLibraryBytesMax);
  if (!file.ok()) return refuse(path, file.error().sentence());
  LibraryFile library;
  library.path = path;
  library.bytes = std::move(file.value().bytes);
  library.concern = std::move(file.value().concern);
  auto image = read_elf(library.bytes);
  if (!image.ok()) return refuse(path, image.error().sentence());
  STATOR_CHECK(check_image(path, image.value()));
  if (image.value().note.empty()) {
    return refuse(path, "it has no note " STATOR_NOTE_SECTION
                        "; add STATOR_ENGINE_NOTE(id, version) and build it again");
  }
  auto manifest = parse_manifest(image.value().note);
  if (!manifest.ok()) return refuse(path, manifest.error().sentence());
  STATOR_CHECK(check_manifest(path, manifest.value()));
  library.manifest = manifest.take();
  library.build_id = image.value().build_id;
  library.sha256 = io::sha256_hex(library.bytes);
  return library;
}

Status check_lock(const LibraryFile& library, const LockFile& lock) {
  const std::string remedy = "; if it is meant, write the lock anew with `statord plugin lock`";
  const auto entry = lock.entries.find(library.manifest.id);
  if (entry == lock.entries.end()) {
    return refuse(library.path,
                  "engine '" + library.manifest.id + "' does not stand in " + lock.path + remedy);
  }
  if (entry->second.version != library.manifest.version) {
    return refuse(library.path, "it is version " + library.manifest.version + ", " + lock.path +
                                    " allows " + entry->second.version + remedy);
  }
  if (entry->second.sha256 != library.sha256) {
    return refuse(library.path, "its sha256 is " + library.sha256 + ", " + lock.path + " allows " +
                                    entry->second.sha256 + remedy);
  }
  return ok_status();
}

}  // namespace stator::plugin
