// How the parts of an aggregate are written and read: numbers as they lie in memory, texts behind
// their size (u32). Between the lanes of one process, and in cursors.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace stator::document {

template <class T>
void append_part(std::string& to, const T& number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof raw);
  to.append(raw, sizeof raw);
}

// False where the bytes end before.
template <class T>
bool take_part(std::string_view& from, T& number) {
  if (from.size() < sizeof number) return false;
  std::memcpy(&number, from.data(), sizeof number);
  from.remove_prefix(sizeof number);
  return true;
}

// False for a byte that is neither true nor false, too: one of a cursor may be anyone's.
inline bool take_part(std::string_view& from, bool& flag) {
  std::uint8_t byte = 0;
  if (!take_part<std::uint8_t>(from, byte) || byte > 1) return false;
  flag = byte == 1;
  return true;
}

inline void append_part_text(std::string& to, std::string_view text) {
  append_part(to, static_cast<std::uint32_t>(text.size()));
  to.append(text);
}

inline bool take_part_text(std::string_view& from, std::string_view& text) {
  std::uint32_t size = 0;
  if (!take_part(from, size) || from.size() < size) return false;
  text = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

}  // namespace stator::document
