#include "data/store/huge_pages.h"

#include <sys/mman.h>

#include <cstdlib>

#include "base/assert.h"

namespace stator::store {

void* allocate_huge(std::size_t bytes) {
  const bool is_huge = bytes >= kHugePageBytes;
  const std::size_t rounded = (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  void* memory = is_huge ? std::aligned_alloc(kHugePageBytes, rounded) : std::malloc(bytes);
  STATOR_ASSERT(memory != nullptr);
  // Advice: where it is refused the pages are ordinary ones.
  if (is_huge) madvise(memory, rounded, MADV_HUGEPAGE);
  return memory;
}

void free_huge(void* memory) { std::free(memory); }

}  // namespace stator::store
