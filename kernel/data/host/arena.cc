#include "data/host/arena.h"

#include <algorithm>

namespace stator::host {

void* Arena::allocate(std::size_t bytes, std::size_t align) {
  const auto padding = [&] {
    const auto address = reinterpret_cast<std::uintptr_t>(at_);
    return (align - address % align) % align;
  };
  std::size_t pad = padding();
  if (at_ == nullptr || pad + bytes > left_) {
    const std::size_t size = std::max(kBlockBytes, bytes + align);
    blocks_.push_back({std::make_unique<std::byte[]>(size), size});
    at_ = blocks_.back().memory.get();
    left_ = size;
    pad = padding();
  }
  std::byte* out = at_ + pad;
  at_ = out + bytes;
  left_ -= pad + bytes;
  return out;
}

void Arena::reset() {
  if (blocks_.empty()) return;
  blocks_.resize(1);
  at_ = blocks_.front().memory.get();
  left_ = blocks_.front().size;
}

}  // namespace stator::host
