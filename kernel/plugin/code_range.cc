#include "plugin/code_range.h"

#include <algorithm>
#include <link.h>

namespace stator::plugin {
namespace {

struct Search {
  std::uintptr_t address;
  CodeRange found;
};

int look(dl_phdr_info* library, std::size_t, void* context) {
  auto& search = *static_cast<Search*>(context);
  std::uintptr_t end = 0;
  bool is_it = false;
  for (std::size_t i = 0; i < library->dlpi_phnum; ++i) {
    const auto& segment = library->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const std::uintptr_t from = library->dlpi_addr + segment.p_vaddr;
    end = std::max(end, from + segment.p_memsz);
    is_it |= search.address >= from && search.address < from + segment.p_memsz;
  }
  if (!is_it) return 0;
  search.found = {library->dlpi_addr, end};
  return 1;
}

}  // namespace

CodeRange code_range_of(const void* address) {
  Search search{reinterpret_cast<std::uintptr_t>(address), {}};
  dl_iterate_phdr(&look, &search);
  return search.found;
}

}  // namespace stator::plugin
