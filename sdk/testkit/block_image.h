// An argument block under construction (stator/args.h), and the vShard of a key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "stator/args.h"

namespace stator::testkit {

inline constexpr std::uint32_t kVShards = 1024;
inline constexpr std::size_t kBlockAlign = 64;

// FNV-1a over tenant and key, finished with the mixer of SplitMix64 (Steele et al. 2014).
inline std::uint32_t vshard_of(std::uint32_t tenant, std::string_view key) {
  std::uint64_t hash = 0xcbf29ce484222325u ^ tenant;
  for (const char c : key) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return static_cast<std::uint32_t>((hash ^ (hash >> 31)) % kVShards);
}

// Offsets count from its first byte.
using Block = std::vector<char>;

inline stator_slice append(Block& block, std::string_view bytes, std::size_t align) {
  block.resize((block.size() + align - 1) / align * align, '\0');
  const stator_slice slice = {static_cast<std::uint32_t>(block.size()),
                              static_cast<std::uint32_t>(bytes.size())};
  block.insert(block.end(), bytes.begin(), bytes.end());
  return slice;
}

inline stator_slice append_slices(Block& block, const std::vector<stator_slice>& slices) {
  const auto* bytes = reinterpret_cast<const char*>(slices.data());
  return append(block, {bytes, slices.size() * sizeof(stator_slice)}, alignof(stator_value));
}

// An argument block where an engine may see it: 64-byte aligned and exactly as long as it says, so
// that a sanitizer finds a read behind its end.
class AlignedBlock {
 public:
  explicit AlignedBlock(const Block& image)
      : bytes_(static_cast<char*>(::operator new (image.size(), std::align_val_t{kBlockAlign}))) {
    std::memcpy(bytes_.get(), image.data(), image.size());
  }
  const stator_arg_block* get() const {
    return reinterpret_cast<const stator_arg_block*>(bytes_.get());
  }

 private:
  struct Free {
    void operator()(char* p) const { ::operator delete (p, std::align_val_t{kBlockAlign}); }
  };
  std::unique_ptr<char, Free> bytes_;
};

}  // namespace stator::testkit
