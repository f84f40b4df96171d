// A 64-bit hash that clients cannot steer: SipHash-1-3 (Aumasson, Bernstein 2012) with a secret key.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace stator {

struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

std::uint64_t keyed_hash(const HashKey& key, ByteView bytes);

}  // namespace stator
