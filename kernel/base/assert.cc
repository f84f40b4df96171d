#include "base/assert.h"

#include <execinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace stator {

void assertion_failed(const char* condition, const char* file, int line) {
  char text[512];
  const int size = std::snprintf(text, sizeof text, "stator: assertion failed: %s at %s:%d\n",
                                 condition, file, line);
  const auto bytes = static_cast<std::size_t>(size) < sizeof text ? static_cast<std::size_t>(size) : sizeof text;
  if (write(STDERR_FILENO, text, bytes) < 0) std::abort();
  void* frames[48];
  backtrace_symbols_fd(frames, backtrace(frames, 48), STDERR_FILENO);
  std::abort();
}

}  // namespace stator
