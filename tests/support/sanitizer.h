// Whether AddressSanitizer or ThreadSanitizer is compiled in: then tests do less of what is slow, and
// do not measure memory, calls or instructions, which are the sanitizer's too.
#pragma once

namespace stator::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace stator::test
