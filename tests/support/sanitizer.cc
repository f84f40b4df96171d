#include "support/sanitizer.h"

namespace stator::test {

#ifdef STATOR_SANITIZED
const bool kSanitized = true;
#else
const bool kSanitized = false;
#endif

}  // namespace stator::test
