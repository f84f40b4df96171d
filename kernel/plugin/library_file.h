// A library as a file: what it says it is, and whether it may be loaded. None of its code runs
// here.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "library/library_rules.h"
#include "plugin/lock_file.h"

namespace stator::plugin {

using library::Manifest;

struct LibraryFile {
  std::string path;
  std::string bytes;  // what was checked, and what is loaded
  std::string sha256;
  std::string build_id;  // empty: it has none
  Manifest manifest;
  std::string concern;  // who else could change it (io/trusted_file.h); empty: nobody
  std::uint32_t conformance = 0;  // as the lock says it
};

// Reads and checks. Refused (kEngineMissing, one sentence with path, rule, both values and the
// remedy): what breaks a rule of library/library_rules.h.
Result<LibraryFile> read_library(const std::string& path);

// Whether a configured lock allows it: id, version and hash must stand in it, and a conformance of
// at least this level.
Status check_lock(const LibraryFile& library, const LockFile& lock, std::uint64_t min_conformance);

}  // namespace stator::plugin
