// Borrowed bytes, and integers in them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace stator {

using ByteView = std::string_view;

template <class T>
T load_little(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  static_assert(std::endian::native == std::endian::little, "ports must swap here");
  return value;
}
template <class T>
void store_little(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

inline std::uint32_t load_big32(const void* from) {
  return __builtin_bswap32(load_little<std::uint32_t>(from));
}
inline void store_big32(void* to, std::uint32_t value) { store_little(to, __builtin_bswap32(value)); }
inline std::uint64_t load_big64(const void* from) {
  return __builtin_bswap64(load_little<std::uint64_t>(from));
}
inline void store_big64(void* to, std::uint64_t value) {
  store_little(to, __builtin_bswap64(value));
}
inline std::uint16_t load_big16(const void* from) {
  return __builtin_bswap16(load_little<std::uint16_t>(from));
}
inline void store_big16(void* to, std::uint16_t value) { store_little(to, __builtin_bswap16(value)); }

template <class T>
void append_little(std::string& to, T value) {
  char raw[sizeof value];
  store_little(raw, value);
  to.append(raw, sizeof raw);
}

}  // namespace stator
