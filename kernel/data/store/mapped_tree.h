// Looks up many keys of one LMDB tree at once, where LMDB has mapped it. mdb_get waits for memory
// at each page of each key; here all keys go down the tree in step, and their misses overlap.
//
// What is not as lmdb_check.h has checked it, is answered as not found: LMDB itself then decides.
// Thread: any, while a transaction holds the snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace stator::store {

inline constexpr std::size_t kKeysInStepMax = 32;
// Maps whose pages have another size are not looked into.
inline constexpr std::size_t kMappedPageBytes = 4096;

// A tree of one snapshot.
struct MappedTree {
  const char* map = nullptr;  // page 0; null: nothing can be looked up
  std::uint64_t pages = 0;    // of the map
  std::uint64_t root = 0;
  std::uint16_t depth = 0;
};

// `record`: what the main tree says of the tree, where LMDB has mapped it.
MappedTree tree_of(ByteView record, std::uint64_t map_bytes);

// As they lie in the map; an empty key: not found.
struct MappedEntry {
  ByteView key;
  ByteView stored;
};
// At most kKeysInStepMax keys, none of them empty; as many in `found`.
void find_in_step(const MappedTree& tree, std::span<const ByteView> keys,
                  std::span<MappedEntry> found);

}  // namespace stator::store
