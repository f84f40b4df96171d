// Bytes of the heap that a thread has taken and not given back, as the allocator sizes them. The
// whole process counts, engines in C, C++ or Rust among it: they find our malloc before the C
// library's.
//
// Thread: each has its own count. Memory that another thread gives back makes one less than zero.
#pragma once

#include <cstdint>

// A sanitizer has a heap of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STATOR_COUNTS_HEAP 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define STATOR_COUNTS_HEAP 0
#endif
#endif
#ifndef STATOR_COUNTS_HEAP
#define STATOR_COUNTS_HEAP 1
#endif

namespace stator::io {

extern constinit thread_local std::int64_t heap_bytes_of_thread;

// With a sanitizer nothing is counted.
inline constexpr bool kCountsHeap = STATOR_COUNTS_HEAP != 0;

// What is taken and given back while it lives is not counted.
class Uncounted {
 public:
  Uncounted() : before_(heap_bytes_of_thread) {}
  ~Uncounted() { heap_bytes_of_thread = before_; }
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;

 private:
  const std::int64_t before_;
};

}  // namespace stator::io
