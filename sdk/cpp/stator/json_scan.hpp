// The plain stretches of JSON strings, what most of their bytes are: where one ends, and copies of
// them. 16 bytes a step with SSE2 (every x86-64 has it), one at a time elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace stator::json {

#if defined(__SSE2__)
namespace detail {

// Has a bit set for each of 16 bytes that is '"', '\\' or below 0x20; with `is_ascii_only`, also
// for those of 0x80 and above. As signed bytes 0x80..0xff are below 0x20 too; as unsigned ones
// min() tells them apart.
template <bool is_ascii_only>
inline __m128i special(__m128i bytes) {
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i low = is_ascii_only
                          ? _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))
                          : _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  return _mm_or_si128(low, _mm_or_si128(quote, backslash));
}

inline __m128i load16(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

}  // namespace detail
#endif

// The first byte of [p, end) that is '"', '\\' or below 0x20; `end` if there is none. With
// `is_ascii_only`, also a byte of 0x80 and above. The text that p points into begins at `begin`: of
// a short rest, bytes in front of it are looked at along with it.
template <bool is_ascii_only>
inline const char* plain_end([[maybe_unused]] const char* begin, const char* p, const char* end) {
#if defined(__SSE2__)
  const auto ends_at = [](const char* from) {
    return static_cast<unsigned>(
        _mm_movemask_epi8(detail::special<is_ascii_only>(detail::load16(from))));
  };
  for (; end - p >= 16; p += 16) {
    const unsigned found = ends_at(p);
    if (found != 0) return p + __builtin_ctz(found);
  }
  if (end - begin >= 16) {
    const auto left = static_cast<unsigned>(end - p);
    const unsigned found = ends_at(end - 16) >> (16 - left);
    return found == 0 ? end : p + __builtin_ctz(found);
  }
#endif
  for (; p != end; ++p) {
    const auto c = static_cast<unsigned char>(*p);
    if (c < 0x20 || c == '"' || c == '\\' || (is_ascii_only && c >= 0x80)) break;
  }
  return p;
}

namespace detail {

// Copies `size` bytes, at least sizeof(Word) and at most twice as many, by two words that may
// overlap. Each byte below 0x20 or above 0x7f, '"' and '\\' sets a bit of what is returned.
template <class Word>
inline Word copy_two(const char* from, std::size_t size, char* to) {
  constexpr Word kOnes = static_cast<Word>(0x0101010101010101);
  constexpr Word kHighs = static_cast<Word>(0x8080808080808080);
  const auto has_low = [](Word word, Word below) { return (word - below) & ~word; };
  const auto special = [&](Word word) {
    return static_cast<Word>((word | has_low(word, kOnes * Word{0x20}) |
                              has_low(word ^ (kOnes * Word{'"'}), kOnes) |
                              has_low(word ^ (kOnes * Word{'\\'}), kOnes)) &
                             kHighs);
  };
  Word first;
  Word last;
  std::memcpy(&first, from, sizeof first);
  std::memcpy(&last, from + size - sizeof last, sizeof last);
  std::memcpy(to, &first, sizeof first);
  std::memcpy(to + size - sizeof last, &last, sizeof last);
  return special(first) | special(last);
}

}  // namespace detail

// Copies text in which no byte needs an escape and none is of 0x80 and above; false for another,
// of which anything may have been written to the `size` bytes at `to`. They do not overlap.
inline bool copy_plain(const char* from, std::size_t size, char* to) {
  if (size >= 16) {
#if defined(__SSE2__)
    __m128i special = _mm_setzero_si128();
    const auto copy = [&](std::size_t at) {
      const __m128i bytes = detail::load16(from + at);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), bytes);
      special = _mm_or_si128(special, detail::special<true>(bytes));
    };
    for (std::size_t at = 0; at + 16 < size; at += 16) copy(at);
    copy(size - 16);
    return _mm_movemask_epi8(special) == 0;
#else
    std::memcpy(to, from, size);
    return plain_end<true>(from, from, from + size) == from + size;
#endif
  }
  if (size >= 8) return detail::copy_two<std::uint64_t>(from, size, to) == 0;
  if (size >= 4) return detail::copy_two<std::uint32_t>(from, size, to) == 0;
  for (std::size_t at = 0; at < size; ++at) to[at] = from[at];
  return plain_end<true>(from, from, from + size) == from + size;
}

}  // namespace stator::json
