// must not compile: ignoring return(ed)? value.*nodiscard
#include "base/result.h"

namespace stator {

Result<int> read();

int test() {
#ifdef ALLOWED
  return read().value();
#else
  read();
  return 0;
#endif
}

}  // namespace stator
