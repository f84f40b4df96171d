// What stands in the bytes of a shared library (ELF-64, by the System V ABI and what glibc's loader
// makes of it), read without running any of it: by segments and the dynamic table, as the loader of
// the system does. Sections are not looked at, since nobody has to tell the truth there.
//
// Compiled into the server, and into stator-plugin-check.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stator::library {

struct ElfImage {
  std::uint16_t machine = 0;          // EM_*
  std::vector<std::string> notes;     // of the name and type of stator/manifest.h
  std::string build_id;               // hexadecimal; empty: none
  std::vector<std::string> needed;    // names of other libraries that come with it
  std::vector<std::string> exported;  // symbols that others find
  std::vector<std::string> shared;    // those of them that all libraries share (STB_GNU_UNIQUE)
  std::uint64_t memory_bytes = 0;  // from the beginning of its first segment to its last one's end
  std::uint64_t thread_bytes = 0;  // of the memory that each thread has for it (TLS)
  bool has_run_path = false;       // RPATH or RUNPATH
  bool has_text_relocations = false;
  bool has_executable_stack = false;
  bool has_writable_code = false;  // a segment that may be written and run
  bool is_program = false;         // or else not made for dlopen (DF_1_PIE, DF_1_NOOPEN)
};

// Any bytes are fit to be asked for. Returns what is wrong, to follow "the library: "; empty:
// nothing, and `image` is filled.
std::string read_elf(std::string_view bytes, ElfImage& image);

}  // namespace stator::library
