#include "control/wire/utf8.h"

#include <simdjson.h>

#include <cstdint>

namespace stator::wire {

namespace {

// Most frames are, and are short: cheaper to see here than through a call that is dispatched.
bool is_ascii(ByteView bytes) {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + sizeof seen <= bytes.size(); i += sizeof seen) seen |= load_little<std::uint64_t>(&bytes[i]);
  for (; i < bytes.size(); ++i) seen |= static_cast<std::uint8_t>(bytes[i]);
  return (seen & 0x8080808080808080u) == 0;
}

}  // namespace

bool is_utf8(ByteView bytes) {
  return is_ascii(bytes) || simdjson::validate_utf8(bytes.data(), bytes.size());
}

}  // namespace stator::wire
