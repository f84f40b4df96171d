// CRC32C (Castagnoli, RFC 3720 B.4), with the CPU's instruction where there is one.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace stator {

// Checksum of `bytes`, continuing from `crc` (0 to begin).
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

}  // namespace stator
