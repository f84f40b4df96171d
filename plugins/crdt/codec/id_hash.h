// A hash of numbers that clients choose. With the standard library's, which is the number itself,
// ids that differ by multiples of the number of buckets would all meet in one.
//
// The secret differs from process to process: nothing may depend on the order of such a map.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace stator::crdt {

inline std::uint64_t random_secret() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1;
}
inline const std::uint64_t kIdSecret = random_secret();

struct IdHash {
  std::size_t operator()(std::uint64_t id) const {
    using Wide = unsigned __int128;
    const Wide product = Wide{id ^ (kIdSecret >> 7)} * kIdSecret;
    return static_cast<std::size_t>(product >> 64) ^ static_cast<std::size_t>(product);
  }
};

}  // namespace stator::crdt
