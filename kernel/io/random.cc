#include "io/random.h"

#include <cerrno>
#include <sys/random.h>

#include "base/assert.h"

namespace stator::io {

void fill_random(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    // The kernel's pool is initialised long before a server starts: there is no other error.
    STATOR_ASSERT(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace stator::io
