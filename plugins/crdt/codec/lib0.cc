#include "codec/lib0.h"

#include "codec/utf16.h"

namespace stator::crdt {

bool ByteReader::long_var_uint(std::uint64_t& out) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 56; shift += 7) {
    std::uint8_t byte = 0;
    if (!u8(byte)) return false;
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) {
      out = value;
      return value <= kSafeIntegerMax || fail("a number exceeds 2^53-1");
    }
  }
  return fail("a number exceeds 2^53-1");
}

bool ByteReader::var_int(std::uint64_t& magnitude, bool& negative) {
  std::uint8_t byte = 0;
  if (!u8(byte)) return false;
  negative = (byte & 0x40) != 0;
  magnitude = byte & 0x3Fu;
  for (unsigned shift = 6; byte >= 0x80; shift += 7) {
    if (shift > 48) return fail("a number exceeds 2^53-1");
    if (!u8(byte)) return false;
    magnitude |= std::uint64_t{byte & 0x7Fu} << shift;
  }
  return magnitude <= kSafeIntegerMax || fail("a number exceeds 2^53-1");
}

bool ByteReader::var_string(std::string_view& out) {
  std::uint64_t units = 0;
  if (!var_bytes(out)) return false;
  return measure_utf16(out, units) || fail("a string is not valid UTF-8");
}

}  // namespace stator::crdt
