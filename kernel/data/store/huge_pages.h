// Memory for large tables that are read at random: where the system grants huge pages (THP), a read
// misses the cache but not the TLB as well. Small requests are ordinary memory.
#pragma once

#include <cstddef>

namespace stator::store {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} * 1024 * 1024;

// From kHugePageBytes on aligned to a huge page and marked for them. Never null.
void* allocate_huge(std::size_t bytes);
void free_huge(void* memory);

// For containers.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  HugePageAllocator() = default;
  template <class U>
  HugePageAllocator(const HugePageAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(allocate_huge(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) { free_huge(memory); }
  bool operator==(const HugePageAllocator&) const { return true; }
};

}  // namespace stator::store
