// must not compile: ignoring return(ed)? value.*nodiscard
// An error cannot be lost by forgetting to look.
#include "base/result.h"

namespace stator {

Status write();

void test() {
#ifdef ALLOWED
  if (!write().ok()) return;
#else
  write();
#endif
}

}  // namespace stator
