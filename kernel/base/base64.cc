#include "base/base64.h"

#include <array>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace stator {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kForeign = 0xff;

// Two characters for each 12 bits: half the loop steps of the textbook form.
constexpr std::array<char, 8192> kPairs = [] {
  std::array<char, 8192> pairs{};
  for (std::size_t i = 0; i < 4096; ++i) {
    pairs[2 * i] = kAlphabet[i >> 6];
    pairs[2 * i + 1] = kAlphabet[i & 63];
  }
  return pairs;
}();

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kForeign);
  for (std::uint8_t i = 0; i < 64; ++i) values[static_cast<std::uint8_t>(kAlphabet[i])] = i;
  return values;
}();

#if defined(__x86_64__)
// 24 bytes to 32 characters a step (Muła, Lemire: "Faster Base64 Encoding and Decoding Using AVX2
// Instructions", 2018). Advances both pointers and leaves at least 4 bytes, because a step reads
// 28.
__attribute__((target("avx2"))) void encode_avx2(const std::uint8_t*& p, std::size_t& left, char*& to) {
  const __m256i spread = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,  //
                                          1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  const __m256i offsets = _mm256_setr_epi8(71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 65, 0, 0,
                                           71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 65, 0, 0);
  for (; left >= 28; left -= 24, p += 24, to += 32) {
    const __m256i raw = _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 12)),
                                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    // Four 6-bit numbers in each 32-bit word, each moved into a byte of its own.
    const __m256i words = _mm256_shuffle_epi8(raw, spread);
    const __m256i high = _mm256_mulhi_epu16(_mm256_and_si256(words, _mm256_set1_epi32(0x0fc0fc00)),
                                            _mm256_set1_epi32(0x04000040));
    const __m256i low = _mm256_mullo_epi16(_mm256_and_si256(words, _mm256_set1_epi32(0x003f03f0)),
                                           _mm256_set1_epi32(0x01000010));
    const __m256i numbers = _mm256_or_si256(high, low);
    // The range a number falls in ([0,26) [26,52) digits + /) picks what is added to it.
    const __m256i past_letters = _mm256_subs_epu8(numbers, _mm256_set1_epi8(51));
    const __m256i is_upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), numbers);
    const __m256i range = _mm256_or_si256(past_letters, _mm256_and_si256(is_upper, _mm256_set1_epi8(13)));
    const __m256i text = _mm256_add_epi8(numbers, _mm256_shuffle_epi8(offsets, range));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), text);
  }
}
#endif

std::uint32_t value(char c) { return kValues[static_cast<std::uint8_t>(c)]; }

}  // namespace

void base64_encode(ByteView bytes, char* to) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
#if defined(__x86_64__)
  static const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;
  if (kHasAvx2) encode_avx2(p, left, to);
#endif
  for (; left >= 3; left -= 3, p += 3, to += 4) {
    const std::uint32_t group = static_cast<std::uint32_t>(p[0]) << 16 |
                                static_cast<std::uint32_t>(p[1]) << 8 | p[2];
    std::memcpy(to, &kPairs[2 * (group >> 12)], 2);
    std::memcpy(to + 2, &kPairs[2 * (group & 4095)], 2);
  }
  if (left == 0) return;
  const std::uint32_t group = static_cast<std::uint32_t>(p[0]) << 16 |
                              (left == 2 ? static_cast<std::uint32_t>(p[1]) << 8 : 0);
  to[0] = kAlphabet[group >> 18];
  to[1] = kAlphabet[group >> 12 & 63];
  to[2] = left == 2 ? kAlphabet[group >> 6 & 63] : '=';
  to[3] = '=';
}

std::string base64_encode(ByteView bytes) {
  std::string out(base64_encoded_bytes(bytes.size()), '\0');
  base64_encode(bytes, out.data());
  return out;
}

std::size_t base64_decoded_bytes(ByteView text) {
  if (text.size() < 4) return 0;
  const std::size_t padding = text.back() != '=' ? 0 : text[text.size() - 2] == '=' ? 2 : 1;
  return text.size() / 4 * 3 - padding;
}

bool base64_decode(ByteView text, char* to) {
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  const std::size_t padding = text.size() / 4 * 3 - base64_decoded_bytes(text);
  const std::size_t whole = text.size() - (padding == 0 ? 0 : 4);
  std::uint32_t seen = 0;
  for (std::size_t i = 0; i < whole; i += 4, to += 3) {
    const std::uint32_t a = value(text[i]), b = value(text[i + 1]);
    const std::uint32_t c = value(text[i + 2]), d = value(text[i + 3]);
    seen |= a | b | c | d;
    const std::uint32_t group = a << 18 | b << 12 | c << 6 | d;
    to[0] = static_cast<char>(group >> 16);
    to[1] = static_cast<char>(group >> 8);
    to[2] = static_cast<char>(group);
  }
  if (seen > 63) return false;
  if (padding == 0) return true;
  const std::uint32_t a = value(text[whole]), b = value(text[whole + 1]);
  const std::uint32_t c = padding == 2 ? 0 : value(text[whole + 2]);
  if ((a | b | c) > 63) return false;
  const std::uint32_t group = a << 18 | b << 12 | c << 6;
  if ((group & (padding == 2 ? 0xffffu : 0xffu)) != 0) return false;
  to[0] = static_cast<char>(group >> 16);
  if (padding == 1) to[1] = static_cast<char>(group >> 8);
  return true;
}

}  // namespace stator
