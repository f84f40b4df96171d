#include "data/store/huge_pages.h"

#include <sys/mman.h>

namespace stator::store {

void* allocate_huge(std::size_t bytes) {
  if (bytes < kHugePageBytes) return ::operator new(bytes);
  void* memory = ::operator new(bytes, std::align_val_t{kHugePageBytes});
  // Advice: without it, or where it is refused, the pages are ordinary ones.
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void free_huge(void* memory, std::size_t bytes) {
  if (bytes < kHugePageBytes) return ::operator delete(memory);
  ::operator delete(memory, std::align_val_t{kHugePageBytes});
}

}  // namespace stator::store
