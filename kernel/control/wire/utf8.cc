#include "control/wire/utf8.h"

#include <simdjson.h>

#include <cstdint>

namespace stator::wire {

namespace {

// Most frames are, and are short: cheaper to see here than through a call that is dispatched.
bool is_ascii(ByteView bytes) {
  constexpr std::size_t kStep = sizeof(std::uint64_t);
  std::uint64_t seen = 0;
  if (bytes.size() < kStep) {
    for (const char c : bytes) seen |= static_cast<std::uint8_t>(c);
    return (seen & 0x80) == 0;
  }
  for (std::size_t i = 0; i + kStep <= bytes.size(); i += kStep)
    seen |= load_little<std::uint64_t>(&bytes[i]);
  seen |= load_little<std::uint64_t>(&bytes[bytes.size() - kStep]);  // the rest, some of it again
  return (seen & 0x8080808080808080u) == 0;
}

}  // namespace

bool is_utf8(ByteView bytes) {
  return is_ascii(bytes) || simdjson::validate_utf8(bytes.data(), bytes.size());
}

}  // namespace stator::wire
