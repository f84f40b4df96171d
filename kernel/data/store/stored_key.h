// Keys of the base, from format 3 on (docs/formats/store.md): whose key it is, then the engine's.
//
//   key        = engine, tenant, collection, space u8, the engine's key
//   engine     = number
//   tenant     = number
//   collection = bytes u8 (at most kCollectionBytesMax), name; or 0xff: "default"
//   number     = u8 below 240; or u8 240 + N - 1, then the number in N bytes, big-endian, N as
//   small
//                as it can be: the order of the bytes is that of the numbers
//
// Every key repeats all of this, so it is short for what most keys have. The name that a request
// without one means is part of the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"

namespace stator::store {

inline constexpr ByteView kShortCollection = "default";
// Room for engine, tenant and no collection.
inline constexpr std::size_t kPrefixBytesMax = 3 + 5 + 1;

struct StoredKey {
  EngineNumber engine;
  TenantId tenant;
  ByteView collection;  // of the key, or a constant
  std::uint8_t space = 0;
  ByteView key;
};

// Writes at most kPrefixBytesMax + kCollectionBytesMax bytes; how many. The part up to the
// collection is how all keys of a tenant in an engine begin.
std::size_t write_owner(char* to, EngineNumber engine, TenantId tenant);
std::size_t write_prefix(char* to, EngineNumber engine, TenantId tenant, ByteView collection);
std::string engine_prefix(EngineNumber engine);
// Takes a key apart; false if it is none.
bool split_key(ByteView stored, StoredKey& parts);
// The tenant of a key; 0 (the kernel's) where there is none.
std::uint32_t tenant_of(ByteView stored);

// What formats 1 and 2 had in place of `parts`: engine u16, tenant u32 (both big-endian),
// collection bytes u8 and name, space u8, the engine's key.
void append_long_key(std::string& to, const StoredKey& parts);
bool split_long_key(ByteView stored, StoredKey& parts);

}  // namespace stator::store
