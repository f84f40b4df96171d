#include "io/heap_count.h"

#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <malloc.h>

namespace stator::io {

constinit thread_local std::int64_t heap_bytes_of_thread = 0;

}  // namespace stator::io

#if STATOR_COUNTS_HEAP

namespace {

// The allocator behind us: the C library's, or one that stands before it (LD_PRELOAD), whose
// malloc_usable_size is then meant below, too.
struct Allocator {
  decltype(&::malloc) take = nullptr;
  decltype(&::calloc) take_zeroed = nullptr;
  decltype(&::realloc) resize = nullptr;
  decltype(&::memalign) take_aligned = nullptr;
  decltype(&::free) give_back = nullptr;
};
constinit Allocator g_next;

template <class Function>
void find(const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  if (function == nullptr) std::abort();
}

// By the first who asks, who comes before main() and is alone: the loader of the system. Finding
// takes no memory.
[[gnu::noinline, gnu::cold]] void find_all() {
  find("free", g_next.give_back);
  find("calloc", g_next.take_zeroed);
  find("realloc", g_next.resize);
  find("memalign", g_next.take_aligned);
  find("malloc", g_next.take);
}

const Allocator& next() {
  if (g_next.take == nullptr) [[unlikely]]
    find_all();
  return g_next;
}

std::int64_t size_of(void* memory) { return static_cast<std::int64_t>(malloc_usable_size(memory)); }

void* taken(void* memory) {
  stator::io::heap_bytes_of_thread += size_of(memory);
  return memory;
}

void* take_aligned(std::size_t alignment, std::size_t bytes) {
  return taken(next().take_aligned(alignment, bytes));
}

}  // namespace

// All by which memory is taken: what one of them gave must not be counted by another alone.
extern "C" {

void* malloc(std::size_t bytes) noexcept { return taken(next().take(bytes)); }

void* calloc(std::size_t count, std::size_t bytes) noexcept {
  return taken(next().take_zeroed(count, bytes));
}

void* realloc(void* memory, std::size_t bytes) noexcept {
  const std::int64_t before = size_of(memory);
  void* resized = next().resize(memory, bytes);
  // Nothing: there was no room, and the old block stays, or it was to be freed.
  if (resized == nullptr && bytes != 0) return nullptr;
  stator::io::heap_bytes_of_thread -= before;
  return taken(resized);
}

void free(void* memory) noexcept {
  stator::io::heap_bytes_of_thread -= size_of(memory);
  next().give_back(memory);
}

void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return take_aligned(alignment, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return take_aligned(alignment, bytes);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) noexcept {
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0)
    return EINVAL;
  void* memory = take_aligned(alignment, bytes);
  if (memory == nullptr) return ENOMEM;
  *out = memory;
  return 0;
}

void* valloc(std::size_t bytes) noexcept { return take_aligned(4096, bytes); }

void* pvalloc(std::size_t bytes) noexcept {
  return take_aligned(4096, (bytes + 4095) / 4096 * 4096);
}
}

#endif
