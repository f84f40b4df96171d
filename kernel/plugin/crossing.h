// Structs that an engine gives us, whose SDK may be older or newer than ours. A released layout is
// a prefix of every later one, so the part that both know is copied, and the rest of ours is zero.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "stator/engine.h"

#include "base/result.h"

namespace stator::plugin {

// Bytes that the struct has in contract 1.0: fewer is no engine. What later minors add comes
// behind.
template <class T>
inline constexpr std::size_t kFirstBytes = 0;
#define STATOR_FIRST_BYTES(type, last) \
  template <>                          \
  inline constexpr std::size_t kFirstBytes<type> = offsetof(type, last) + sizeof(type::last)
STATOR_FIRST_BYTES(stator_engine_v1, forget);
STATOR_FIRST_BYTES(stator_op, flags);
STATOR_FIRST_BYTES(stator_arg, field_count);
STATOR_FIRST_BYTES(stator_config_key, doc);
STATOR_FIRST_BYTES(stator_claim, sentence);
#undef STATOR_FIRST_BYTES
static_assert(STATOR_ABI_MINOR > 0 ||
              (kFirstBytes<stator_engine_v1> == sizeof(stator_engine_v1) &&
               kFirstBytes<stator_op> == sizeof(stator_op) &&
               kFirstBytes<stator_arg> == sizeof(stator_arg) &&
               kFirstBytes<stator_config_key> == sizeof(stator_config_key) &&
               kFirstBytes<stator_claim> == sizeof(stator_claim)));

// It is longer than ours, and says something there.
template <class T>
bool says_more(const T& theirs) {
  if (theirs.struct_size <= sizeof theirs) return false;
  const char* tail = reinterpret_cast<const char*>(&theirs) + sizeof theirs;
  return std::any_of(tail, tail + (theirs.struct_size - sizeof theirs),
                     [](char byte) { return byte != 0; });
}

// Error: it is shorter than in 1.0, or says something in a part that we do not know.
template <class T>
Status take_known(const T& theirs, const char* type, T& mine) {
  const std::size_t bytes = theirs.struct_size;
  const std::string has = std::string(type) + " has a struct_size of " + std::to_string(bytes);
  if (bytes < kFirstBytes<T>) {
    return Error(ErrorCode::kRejectedPrevalidation,
                 has + ", and " + std::to_string(kFirstBytes<T>) + " in contract 1.0");
  }
  if (says_more(theirs)) {
    return Error(
        ErrorCode::kRejectedPrevalidation,
        has + ", and uses what is behind the " + std::to_string(sizeof mine) +
            " bytes that this server knows: update the server, or build the engine without it");
  }
  mine = T{};
  std::memcpy(&mine, &theirs, std::min(bytes, sizeof mine));
  return ok_status();
}

// `theirs` lie one behind the other as far apart as their struct_size says, which is a multiple of
// what their type is aligned to.
template <class T>
Status take_known(const T* theirs, std::uint64_t count, const char* type, std::vector<T>& mine) {
  mine.resize(count);
  const char* at = reinterpret_cast<const char*>(theirs);
  for (T& one : mine) {
    const T& from = *reinterpret_cast<const T*>(at);
    STATOR_CHECK(take_known(from, type, one));
    if (from.struct_size % alignof(T) != 0) {
      return Error(ErrorCode::kRejectedPrevalidation,
                   std::string(type) + " has a struct_size of " + std::to_string(from.struct_size) +
                       ", which is no multiple of " + std::to_string(alignof(T)) +
                       ": those behind it in its array would lie askew");
    }
    at += from.struct_size;
  }
  return ok_status();
}

}  // namespace stator::plugin
