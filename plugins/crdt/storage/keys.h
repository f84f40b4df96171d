// What the engine keeps in stator.kv, and under which keys. Numbers are big-endian, so that keys
// order as numbers do; a document id is preceded by its length (2 bytes), so that no key is the
// beginning of another document's.
//
//   space      key                          value
//   kHeads     id                           DocumentHead
//   kImages    id, chunk u32                a piece of the document's image
//   kTails     id, sequence u64             one update behind the image
//   kMutations id, peer u64                 ranges of mutation ids that were applied
//   kPolicies  "policy"                     the collection's policy as canonical JSON
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stator/services.h"

namespace stator::crdt {

enum Space : std::uint8_t { kHeads = 1, kImages = 2, kTails = 3, kMutations = 4, kPolicies = 5 };

inline constexpr std::size_t kDocumentIdBytesMax = 256;
static_assert(2 + kDocumentIdBytesMax + 8 <= STATOR_KV_KEY_BYTES_MAX);

inline constexpr std::string_view kPolicyKey = "policy";

template <class T>
void append_big_endian(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift & 0xff));
  }
}

inline std::string document_key(std::string_view document_id) {
  std::string key;
  append_big_endian(key, static_cast<std::uint16_t>(document_id.size()));
  key.append(document_id);
  return key;
}
inline std::string image_key(std::string_view document_id, std::uint32_t chunk) {
  std::string key = document_key(document_id);
  append_big_endian(key, chunk);
  return key;
}
inline std::string tail_key(std::string_view document_id, std::uint64_t sequence) {
  std::string key = document_key(document_id);
  append_big_endian(key, sequence);
  return key;
}
inline std::string mutation_key(std::string_view document_id, std::uint64_t peer) {
  return tail_key(document_id, peer);
}

}  // namespace stator::crdt
