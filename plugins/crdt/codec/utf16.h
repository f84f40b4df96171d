// Strings are stored as UTF-8, but Yjs counts clocks and offsets in UTF-16 code units.
#pragma once

#include <cstdint>
#include <string_view>

namespace stator::crdt {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

// False if `text` is not valid UTF-8 (RFC 3629); else its length in UTF-16 code units.
bool measure_utf16(std::string_view text, std::uint64_t& units);

// Where `text` (valid UTF-8 of `units` UTF-16 units in all) is cut before unit number `unit`.
struct Utf16Cut {
  std::uint32_t bytes;   // of the left part; of its whole characters if in_pair
  bool in_pair = false;  // the cut falls into a surrogate pair: a character of 4 bytes
};
Utf16Cut cut_utf16(std::string_view text, std::uint32_t units, std::uint32_t unit);

// Order of two strings by UTF-16 code units, as JavaScript's sort has it.
bool less_utf16(std::string_view a, std::string_view b);

}  // namespace stator::crdt
