// One number for all entries of a store, kept up to date by adding and subtracting: a walk over the
// file that comes to another number has met damage (docs/formats/store.md).
//
// The sum of the entries' hashes modulo 2^64. Each is a bijection of the CRC32C of key and value
// with the key's length, so any error of up to 32 bits in a row in one entry is found, others but
// for 1 in 2^32. Against a bad disk, not against a forger.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/ids.h"

namespace stator::store {

// Finalizer of splitmix64 (Steele, Lea, Flood 2014).
inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

inline std::uint64_t entry_hash(ByteView key, ByteView stored) {
  const std::uint64_t crc = crc32c(stored, crc32c(key));
  return mixed(std::uint64_t{key.size()} << 32 | crc);
}

// What is stored: the applied LSN is in it too.
inline std::uint64_t sealed_digest(std::uint64_t sum, Lsn applied) {
  return sum + mixed(~applied.value());
}

}  // namespace stator::store
