// Memory of one call: handed out by moving a pointer, freed all at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace stator::host {

class Arena {
 public:
  // Never null. align: a power of two up to 64.
  void* allocate(std::size_t bytes, std::size_t align);
  // Frees everything; keeps the first block.
  void reset();

 private:
  static constexpr std::size_t kBlockBytes = 16 * 1024;
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size;
  };
  std::vector<Block> blocks_;
  std::byte* at_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace stator::host
