#include "data/store/arena.h"

#include <cstdint>

#include "base/assert.h"

namespace stator::store {
namespace {

// The first chunk is small: many lanes and tests hold next to nothing.
constexpr std::size_t kFirstChunkBytes = 16 * 1024;
constexpr std::size_t kChunkBytes = kHugePageBytes;
constexpr std::size_t kChunkAlignment = 8;

}  // namespace

char* Arena::allocate(std::size_t size, std::size_t alignment) {
  STATOR_DASSERT(alignment <= kChunkAlignment);
  const std::size_t gap = -reinterpret_cast<std::uintptr_t>(next_) & (alignment - 1);
  if (size + gap <= left_) {
    char* place = next_ + gap;
    next_ += gap + size;
    left_ -= gap + size;
    return place;
  }
  const std::size_t chunk = chunks_.empty() ? kFirstChunkBytes : kChunkBytes;
  const bool has_own_chunk = size > chunk / 4;  // leaves the rest of the current one in use
  const std::size_t bytes = has_own_chunk ? size : chunk;
  chunks_.emplace_back(static_cast<char*>(allocate_huge(bytes)));
  bytes_ += bytes;
  char* place = chunks_.back().get();
  if (has_own_chunk) return place;
  next_ = place + size;
  left_ = bytes - size;
  return place;
}

}  // namespace stator::store
