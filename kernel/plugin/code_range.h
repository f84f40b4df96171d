// Where a loaded library lies in memory.
#pragma once

#include <cstdint>

namespace stator::plugin {

// `begin` is what addresses in the library's file are relative to. Both 0: not known.
struct CodeRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// Of the one that holds `address`.
CodeRange code_range_of(const void* address);

}  // namespace stator::plugin
