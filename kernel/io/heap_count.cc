#include "io/heap_count.h"

#include <cstdlib>
#include <malloc.h>
#include <new>

namespace stator::io {

constinit thread_local std::int64_t heap_bytes_of_thread = 0;

}  // namespace stator::io

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

void* taken(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  stator::io::heap_bytes_of_thread += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

void give_back(void* memory) {
  if (memory == nullptr) return;
  stator::io::heap_bytes_of_thread -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// The other forms come down to these.
void* operator new(std::size_t bytes) { return taken(std::malloc(bytes)); }
void* operator new(std::size_t bytes, std::align_val_t align) {
  const auto alignment = static_cast<std::size_t>(align);
  return taken(std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment));
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }

#endif
