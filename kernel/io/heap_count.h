// Bytes of the heap that a thread has taken by operator new and not given back, as the allocator
// sizes them. The whole process counts, engines in C++ among it: they find our operator new.
//
// Thread: each has its own count. Memory that another thread gives back makes one less than zero.
#pragma once

#include <cstdint>

namespace stator::io {

extern constinit thread_local std::int64_t heap_bytes_of_thread;

// With a sanitizer, which has a heap of its own, nothing is counted.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCountsHeap = false;
#else
inline constexpr bool kCountsHeap = true;
#endif

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
