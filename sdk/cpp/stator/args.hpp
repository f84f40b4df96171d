// Views on what crosses the contract: borrowed bytes and argument blocks (stator/args.h).
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "stator/args.h"
#include "stator/bytes.h"

namespace stator {

inline std::string_view view(stator_str s) { return {s.data, static_cast<std::size_t>(s.size)}; }
inline std::string_view view(stator_bytes b) {
  return {reinterpret_cast<const char*>(b.data), static_cast<std::size_t>(b.size)};
}
inline stator_bytes as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}
inline stator_str as_str(std::string_view s) { return {s.data(), s.size()}; }

// The arguments of a request, or of one row of a ROWS argument. Index = position in the op's args.
class Args {
 public:
  explicit Args(const stator_arg_block* block) : block_(block) {}
  bool has(std::size_t i) const { return (block_->present >> i & 1) != 0; }
  bool given(std::size_t i) const { return (block_->given >> i & 1) != 0; }
  std::uint64_t u64(std::size_t i) const { return value(i).u64; }
  std::int64_t i64(std::size_t i) const { return value(i).i64; }
  double f64(std::size_t i) const { return value(i).f64; }
  bool boolean(std::size_t i) const { return value(i).u64 != 0; }
  // Also BYTES and JSON: the bytes of the slice. Empty when absent.
  std::string_view str(std::size_t i) const {
    return has(i) ? slice(value(i).slice) : std::string_view();
  }
  std::span<const float> f32vec(std::size_t i) const {
    const auto raw = str(i);
    return {reinterpret_cast<const float*>(raw.data()), raw.size() / sizeof(float)};
  }
  // STRVEC: number of strings, and each of them.
  std::size_t count(std::size_t i) const { return str(i).size() / sizeof(stator_slice); }
  std::string_view str_at(std::size_t i, std::size_t k) const { return slice(slice_at(i, k)); }
  // ROWS: count(i) rows.
  Args row(std::size_t i, std::size_t k) const {
    return Args(reinterpret_cast<const stator_arg_block*>(base() + slice_at(i, k).offset));
  }
  std::uint32_t vshard() const { return block_->vshard; }

 private:
  const char* base() const { return reinterpret_cast<const char*>(block_); }
  const stator_value& value(std::size_t i) const { return stator_arg_values(block_)[i]; }
  std::string_view slice(stator_slice s) const { return {base() + s.offset, s.bytes}; }
  stator_slice slice_at(std::size_t i, std::size_t k) const {
    stator_slice out;
    std::memcpy(&out, str(i).data() + k * sizeof out, sizeof out);
    return out;
  }
  const stator_arg_block* block_;
};

}  // namespace stator
