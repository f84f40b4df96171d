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
#undef STATOR_FIRST_BYTES
static_assert(STATOR_ABI_MINOR > 0 ||
              (kFirstBytes<stator_engine_v1> == sizeof(stator_engine_v1) &&
               kFirstBytes<stator_op> == sizeof(stator_op) &&
               kFirstBytes<stator_arg> == sizeof(stator_arg) &&
               kFirstBytes<stator_config_key> == sizeof(stator_config_key)));

// Error: it is shorter than in 1.0, or says something in a part that we do not know.
template <class T>
Status take_known(const T& theirs, const char* type, T& mine) {
  const std::size_t bytes = theirs.struct_size;
  const std::string has = std::string(type) + " has a struct_size of " + std::to_string(bytes);
  if (bytes < kFirstBytes<T>) {
    return Error(ErrorCode::kRejectedPrevalidation,
                 has + ", and " + std::to_string(kFirstBytes<T>) + " in contract 1.0");
  }
  const char* tail = reinterpret_cast<const char*>(&theirs) + sizeof mine;
  if (bytes > sizeof mine &&
      std::any_of(tail, tail + (bytes - sizeof mine), [](char byte) { return byte != 0; })) {
    return Error(
        ErrorCode::kRejectedPrevalidation,
        has + ", and uses what is behind the " + std::to_string(sizeof mine) +
            " bytes that this server knows: update the server, or build the engine without it");
  }
  mine = T{};
  std::memcpy(&mine, &theirs, std::min(bytes, sizeof mine));
  return ok_status();
}

// `theirs` lie one behind the other as far apart as their struct_size says.
template <class T>
Status take_known(const T* theirs, std::uint64_t count, const char* type, std::vector<T>& mine) {
  mine.resize(count);
  const char* at = reinterpret_cast<const char*>(theirs);
  for (T& one : mine) {
    const T& from = *reinterpret_cast<const T*>(at);
    STATOR_CHECK(take_known(from, type, one));
    at += from.struct_size;
  }
  return ok_status();
}

}  // namespace stator::plugin
