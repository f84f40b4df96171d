// Primitives of the lib0 encoding, on which the Yjs formats stand (README.md names the sources).
//
// varUint: 7 bits a byte, least significant first, bit 8 = more follows, at most 2^53-1.
// varInt: first byte has 6 bits, bit 7 = sign. varString: varUint byte count, then UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bounds.h"

namespace stator::crdt {

// A cursor over untrusted bytes. Every function returns false at the first fault and keeps a
// sentence about it; after that all fail. Views point into the bytes.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  bool u8(std::uint8_t& out) {
    if (at_ == end_) return fail("the update ends too early");
    out = static_cast<std::uint8_t>(*at_++);
    return true;
  }
  bool var_uint(std::uint64_t& out) {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) {
      out = static_cast<std::uint8_t>(*at_++);
      return true;
    }
    return long_var_uint(out);
  }
  // Sign and magnitude, because -0 exists.
  bool var_int(std::uint64_t& magnitude, bool& negative);
  bool bytes(std::uint64_t count, std::string_view& out) {
    if (count > left()) return fail("the update ends too early");
    out = {at_, static_cast<std::size_t>(count)};
    at_ += count;
    return true;
  }
  bool var_bytes(std::string_view& out) {
    std::uint64_t count = 0;
    return var_uint(count) && bytes(count, out);
  }
  // Valid UTF-8 or refused.
  bool var_string(std::string_view& out);

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  bool fail(const char* why) {
    if (error_ == nullptr) error_ = why;
    at_ = end_;
    return false;
  }
  const char* error() const { return error_; }  // nullptr = none so far

 private:
  bool long_var_uint(std::uint64_t& out);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* error_ = nullptr;
};

class ByteWriter {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void var_uint(std::uint64_t value) {
    while (value >= 0x80) {
      u8(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    u8(static_cast<std::uint8_t>(value));
  }
  void bytes(std::string_view value) { bytes_.append(value); }
  void var_bytes(std::string_view value) {
    var_uint(value.size());
    bytes(value);
  }
  std::size_t size() const { return bytes_.size(); }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace stator::crdt
