// Whether what is tested is built with a sanitizer: then tests do less of what is slow, and do not
// measure memory, calls or instructions, which are the sanitizer's too.
#pragma once

namespace stator::test {

// Not a constant: clients are the same bytes in every build (cmake/StatorTest.cmake).
extern const bool kSanitized;

}  // namespace stator::test
