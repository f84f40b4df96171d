// A value as memtable and base hold it: u16 vShard, little-endian, then the bytes
// (docs/formats/store.md).
#pragma once

#include "base/assert.h"
#include "base/bytes.h"
#include "data/store/store.h"

namespace stator::store {

inline constexpr std::size_t kValueHeaderBytes = 2;

// `stored` passed is_stored_value().
inline Entry entry_of(ByteView key, ByteView stored) {
  return {.key = key,
          .value = stored.substr(kValueHeaderBytes),
          .vshard = VShardId{load_little<std::uint16_t>(stored.data())}};
}

inline bool is_stored_value(ByteView stored) { return stored.size() >= kValueHeaderBytes; }

inline void write_value_header(char* to, VShardId vshard) {
  STATOR_ASSERT(vshard <= kEveryVShard);
  store_little(to, static_cast<std::uint16_t>(vshard.value()));
}

}  // namespace stator::store
