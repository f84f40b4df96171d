// What stands in the bytes of a shared library (ELF-64, by the System V ABI), read without running
// any of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace stator::plugin {

struct ElfImage {
  std::uint16_t machine = 0;          // EM_*
  std::string note;                   // of section .note.stator.engine; empty: none
  std::string build_id;               // hexadecimal; empty: none
  std::vector<std::string> needed;    // names of other libraries
  std::vector<std::string> exported;  // symbols that others see
  std::vector<std::string>
      shared;  // of its symbols, those that all libraries share (STB_GNU_UNIQUE)
  bool has_run_path = false;          // RPATH or RUNPATH
  bool has_text_relocations = false;
  bool has_executable_stack = false;
};

// Any bytes are fit to be asked for. Errors (kRejectedPrevalidation): no shared library of this
// kind, or its tables lead outside of it.
Result<ElfImage> read_elf(ByteView bytes);

}  // namespace stator::plugin
