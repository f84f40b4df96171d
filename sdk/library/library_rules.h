// What an engine's library must be for a server to load it, as far as its bytes tell: the same
// rules in the server and in stator-plugin-check. None of its code runs here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "library/elf_image.h"

namespace stator::library {

// Of one library: in memory with its statics, and in the memory of each thread.
inline constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kThreadBytesMax = 64u * 1024;

// What the note of the library says (stator/manifest.h).
struct Manifest {
  std::string id;
  std::string version;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
};

// These return what is wrong, with both values and the remedy, to follow "the library: "; empty:
// nothing, and the last argument is filled.

// No JSON object, a member that is missing or of another type, an id or version that is no word.
std::string parse_manifest(std::string_view json, Manifest& manifest);

// A file for another machine or without a note; another contract version; symbols besides the
// entry; a dependency beyond C and C++'s own libraries; a run path, text relocations, an executable
// stack, code that may be written, more memory than the above.
std::string check_library(std::string_view bytes, ElfImage& image, Manifest& manifest);

}  // namespace stator::library
