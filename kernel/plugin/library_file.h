// A library as a file: what it says it is, and whether it may be loaded. None of its code runs
// here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "plugin/lock_file.h"

namespace stator::plugin {

// What the note of the library says (stator/manifest.h).
struct Manifest {
  std::string id;
  std::string version;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
};
// Errors are sentences: no JSON object, a member that is missing or of another type.
Result<Manifest> parse_manifest(std::string_view json);

struct LibraryFile {
  std::string path;
  std::string bytes;  // what was checked, and what is loaded
  std::string sha256;
  std::string build_id;  // empty: it has none
  Manifest manifest;
  std::string concern;  // who else could change it (io/trusted_file.h); empty: nobody
};

// Reads and checks. Refused (kEngineMissing, one sentence with path, rule, both values and the
// remedy): a file for another machine or without a note; another contract version; symbols besides
// the entry; a dependency beyond C and C++'s own libraries; a run path, text relocations, an
// executable stack.
Result<LibraryFile> read_library(const std::string& path);

// Whether a configured lock allows it: id, version and hash must stand in it.
Status check_lock(const LibraryFile& library, const LockFile& lock);

}  // namespace stator::plugin
