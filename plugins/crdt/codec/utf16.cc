#include "codec/utf16.h"

#include <algorithm>
#include <cstring>

namespace stator::crdt {
namespace {

constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;

bool is_tail(unsigned char c) { return (c & 0xC0) == 0x80; }

// Bytes of the valid sequence at `p` that starts with a byte above 0x7F, or 0.
std::size_t sequence_bytes(const unsigned char* p, std::size_t left) {
  const unsigned char c = p[0];
  if (c >= 0xC2 && c <= 0xDF) return left >= 2 && is_tail(p[1]) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (left < 3 || !is_tail(p[1]) || !is_tail(p[2])) return 0;
    const bool overlong = c == 0xE0 && p[1] < 0xA0;
    const bool surrogate = c == 0xED && p[1] > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3])) return 0;
    const bool overlong = c == 0xF0 && p[1] < 0x90;
    const bool too_big = c == 0xF4 && p[1] > 0x8F;
    return overlong || too_big ? 0 : 4;
  }
  return 0;
}

std::size_t sequence_bytes_trusted(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

}  // namespace

bool measure_utf16(std::string_view text, std::uint64_t& units) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t size = text.size();
  std::size_t i = 0;
  units = 0;
  while (i < size) {
    if (p[i] < 0x80) {
      std::uint64_t word = 0;
      if (size - i >= sizeof word) {
        std::memcpy(&word, p + i, sizeof word);
        if ((word & kHighBits) == 0) {
          i += sizeof word;
          units += sizeof word;
          continue;
        }
      }
      ++i;
      ++units;
      continue;
    }
    const std::size_t bytes = sequence_bytes(p + i, size - i);
    if (bytes == 0) return false;
    i += bytes;
    units += bytes == 4 ? 2 : 1;
  }
  return true;
}

namespace {

// Walks from the end: `behind` units are right of the cut.
Utf16Cut cut_from_end(std::string_view text, std::uint32_t behind) {
  std::uint32_t seen = 0;
  std::size_t bytes = text.size();
  while (seen < behind) {
    std::size_t start = bytes - 1;
    while (is_tail(static_cast<unsigned char>(text[start]))) --start;
    const bool is_pair = bytes - start == 4;
    if (is_pair && seen + 1 == behind) return {static_cast<std::uint32_t>(start), true};
    seen += is_pair ? 2 : 1;
    bytes = start;
  }
  return {static_cast<std::uint32_t>(bytes)};
}

}  // namespace

Utf16Cut cut_utf16(std::string_view text, std::uint32_t units, std::uint32_t unit) {
  if (text.size() == units) return {unit};  // ASCII only
  // From the nearer end, so that cutting a run to pieces costs n log n in any order.
  if (unit > units / 2) return cut_from_end(text, units - unit);
  std::uint32_t at = 0;
  std::uint32_t bytes = 0;
  while (at < unit) {
    const std::size_t step = sequence_bytes_trusted(static_cast<unsigned char>(text[bytes]));
    if (step == 4 && at + 1 == unit) return {bytes, true};
    at += step == 4 ? 2 : 1;
    bytes += static_cast<std::uint32_t>(step);
  }
  return {bytes};
}

bool less_utf16(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  const auto left = static_cast<unsigned char>(*x);
  const auto right = static_cast<unsigned char>(*y);
  // Only difference to byte order: U+E000..U+FFFF (leads EE, EF) come behind the surrogates, by
  // which UTF-16 writes the characters of 4 bytes (leads F0..F4).
  if (left >= 0xEE && right >= 0xEE && (left >= 0xF0) != (right >= 0xF0)) return left >= 0xF0;
  return left < right;
}

}  // namespace stator::crdt
