#include "base/crc32c.h"

#include <array>

namespace stator {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

constexpr std::array<std::uint32_t, 256> kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}();

std::uint32_t by_table(const char* p, std::size_t size, std::uint32_t crc) {
  for (std::size_t i = 0; i < size; ++i) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint8_t>(p[i])) & 0xFF];
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(const char* p, std::size_t size,
                                                               std::uint32_t crc) {
  std::uint64_t wide = crc;
  for (; size >= 8; size -= 8, p += 8) {
    wide = __builtin_ia32_crc32di(wide, load_little<std::uint64_t>(p));
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size, ++p) {
    narrow = __builtin_ia32_crc32qi(narrow, static_cast<std::uint8_t>(*p));
  }
  return narrow;
}
#endif

using Crc = std::uint32_t (*)(const char*, std::size_t, std::uint32_t);

Crc choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return by_instruction;
#endif
  return by_table;
}

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  static const Crc kCrc = choose();
  return ~kCrc(bytes.data(), bytes.size(), ~crc);
}

}  // namespace stator
