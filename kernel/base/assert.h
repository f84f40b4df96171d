// Assertions that stay on. They state what we believe; client input never reaches one.
#pragma once

namespace stator {
// Prints the sentence, file and line to stderr and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}  // namespace stator

#define STATOR_ASSERT(condition) \
  (__builtin_expect(!!(condition), 1) ? void(0) : ::stator::assertion_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define STATOR_DASSERT(condition) void(0)
#else
#define STATOR_DASSERT(condition) STATOR_ASSERT(condition)
#endif
