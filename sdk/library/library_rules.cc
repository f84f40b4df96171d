#include "library/library_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <elf.h>

#include "stator/json_reader.hpp"
#include "stator/manifest.h"
#include "stator/version.h"

namespace stator::library {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#else
#error "the number of this machine in ELF files is not known"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define STATOR_HAS_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define STATOR_HAS_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STATOR_HAS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define STATOR_HAS_TSAN 1
#endif
#endif

// Every process of the server has these; a hash of the file says nothing of any other.
constexpr std::array<std::string_view, 9> kAllowedLibraries = {
    "libc.so.6",  "libm.so.6",  "libstdc++.so.6",       "libgcc_s.so.1",        "libpthread.so.0",
    "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"};
// Runtimes of sanitizers, a number behind each. Those that must be there before all others end a
// process that has not begun with them.
constexpr std::array kAllowedRuntimes = {
    std::string_view("libubsan.so."),
#ifdef STATOR_HAS_ASAN
    std::string_view("libasan.so."),
#endif
#ifdef STATOR_HAS_TSAN
    std::string_view("libtsan.so."),
#endif
};

bool is_allowed(std::string_view name) {
  return std::find(kAllowedLibraries.begin(), kAllowedLibraries.end(), name) !=
             kAllowedLibraries.end() ||
         std::any_of(
             kAllowedRuntimes.begin(), kAllowedRuntimes.end(), [&](std::string_view prefix) {
               return name.starts_with(prefix) && name.size() > prefix.size() &&
                      name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
             });
}

std::string version_text(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string check_exports(const ElfImage& image) {
  // The system's loader gives every library the first one's, also to one that was loaded apart.
  if (!image.shared.empty()) {
    return "it would share '" + image.shared.front() +
           "' with other libraries of this process (STB_GNU_UNIQUE); compile it with "
           "-fno-gnu-unique and hide it, as stator_add_engine() does";
  }
  bool has_entry = false;
  for (const std::string& name : image.exported) {
    if (name == STATOR_ENTRY_SYMBOL) {
      has_entry = true;
      continue;
    }
    return "it exports '" + name +
           "' besides " STATOR_ENTRY_SYMBOL
           "; link it with a version script, as stator_add_engine() does";
  }
  if (has_entry) return "";
  return "it has no symbol " STATOR_ENTRY_SYMBOL
         "; it is not an engine, or was built for another major version of the SDK (this server "
         "needs version " +
         std::to_string(STATOR_ABI_MAJOR) + ")";
}

std::string too_much(std::uint64_t bytes, std::uint64_t most, const char* of, const char* remedy) {
  return "it wants " + std::to_string(bytes) + " bytes of memory for " + of + ", and may have " +
         std::to_string(most) + "; " + remedy;
}

std::string check_memory(const ElfImage& image) {
  if (image.has_text_relocations) return "it has text relocations; compile all of it with -fPIC";
  if (image.has_executable_stack)
    return "it wants an executable stack; link it with -z noexecstack";
  if (image.has_writable_code)
    return "it has code that may be written; link it without a linker script of your own";
  if (image.memory_bytes > kMemoryBytesMax) {
    return too_much(image.memory_bytes, kMemoryBytesMax, "its code and statics",
                    "take what is large when it is needed");
  }
  if (image.thread_bytes > kThreadBytesMax) {
    return too_much(image.thread_bytes, kThreadBytesMax, "thread_local variables",
                    "keep it in the instance, which belongs to one thread");
  }
  return "";
}

std::string check_image(const ElfImage& image) {
  if (image.machine != kMachine) {
    return "it is for machine " + std::to_string(image.machine) +
           " (e_machine), this server runs on " + std::to_string(kMachine) + "; build it here";
  }
  if (image.is_program)
    return "it is a program, or says that it may not be loaded; link it with -shared";
  if (std::string fault = check_exports(image); !fault.empty()) return fault;
  for (const std::string& name : image.needed) {
    if (is_allowed(name)) continue;
    return "it needs " + name +
           ", and an engine may need C and C++'s own libraries only; link that one in (.a)";
  }
  if (image.has_run_path) return "it has a run path (RPATH, RUNPATH); link it without -rpath";
  return check_memory(image);
}

std::string check_version(const Manifest& manifest) {
  if (manifest.abi_major == STATOR_ABI_MAJOR && manifest.abi_minor <= STATOR_ABI_MINOR) return "";
  return "it needs contract version " + version_text(manifest.abi_major, manifest.abi_minor) +
         ", this server has " + version_text(STATOR_ABI_MAJOR, STATOR_ABI_MINOR) +
         "; build it with the SDK of this server, or take a newer server";
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

// Which of the members of a manifest was there, as bits.
unsigned read_member(json::Reader& reader, const json::RawString& key, Manifest& manifest) {
  const auto read_text = [&](std::string& to, unsigned bit) {
    json::RawString value;
    if (!reader.string(value)) return 0u;
    to = json::unescape(value);
    return bit;
  };
  const auto read_number = [&](std::uint32_t& to, unsigned bit) {
    std::string_view token;
    if (!reader.number(token)) return 0u;
    const auto [end, fault] = std::from_chars(token.data(), token.data() + token.size(), to);
    return fault == std::errc() && end == token.data() + token.size() ? bit : 0u;
  };
  if (json::equals(key, "id")) return read_text(manifest.id, 1);
  if (json::equals(key, "version")) return read_text(manifest.version, 2);
  if (json::equals(key, "abi_major")) return read_number(manifest.abi_major, 4);
  if (json::equals(key, "abi_minor")) return read_number(manifest.abi_minor, 8);
  std::string_view ignored;
  reader.skip(ignored);
  return 0;
}

}  // namespace

std::string parse_manifest(std::string_view text, Manifest& manifest) {
  manifest = {};
  json::Reader reader(text);
  json::RawString key;
  unsigned seen = 0;
  for (reader.enter_object(); reader.next_key(key);) seen |= read_member(reader, key, manifest);
  if (!reader.at_end() || seen != 15)
    return "its note is not {\"id\":TEXT,\"version\":TEXT,\"abi_major\":N,\"abi_minor\":N}";
  if (!are_words(manifest)) {
    return "the id of its note is not 1..32 of [a-z0-9_], or the version not 1..64 of "
           "[A-Za-z0-9.+-_~]";
  }
  return "";
}

std::string check_library(std::string_view bytes, ElfImage& image, Manifest& manifest) {
  if (std::string fault = read_elf(bytes, image); !fault.empty()) return fault;
  if (std::string fault = check_image(image); !fault.empty()) return fault;
  if (image.notes.empty()) {
    return "it has no note " STATOR_NOTE_SECTION
           "; add STATOR_ENGINE_NOTE(id, version) and build it again";
  }
  if (image.notes.size() > 1) {
    return "it has " + std::to_string(image.notes.size()) +
           " notes " STATOR_NOTE_SECTION "; let STATOR_ENGINE_NOTE stand in one source file";
  }
  if (std::string fault = parse_manifest(image.notes.front(), manifest); !fault.empty())
    return fault;
  return check_version(manifest);
}

}  // namespace stator::library
