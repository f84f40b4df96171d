// Finds the end of the plain stretch of a JSON string: what most of a string's bytes are. 16 bytes a
// step with SSE2 (every x86-64 has it), one at a time elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace stator::json {

// The first byte of [p, end) that is '"', '\\' or below 0x20; `end` if there is none. With
// `is_ascii_only`, also a byte of 0x80 and above. The text that p points into begins at `begin`: of
// a short rest, bytes in front of it are looked at along with it.
template <bool is_ascii_only>
inline const char* plain_end([[maybe_unused]] const char* begin, const char* p, const char* end) {
#if defined(__SSE2__)
  // A bit for each of the 16 bytes at `from` that ends the stretch.
  const auto ends_at = [](const char* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    // As signed bytes 0x80..0xff are below 0x20 too; as unsigned ones min() tells them apart.
    const __m128i low = is_ascii_only
                            ? _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))
                            : _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    return static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, backslash))));
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

}  // namespace stator::json
