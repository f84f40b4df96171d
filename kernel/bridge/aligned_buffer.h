// A growable buffer whose first byte is 64-byte aligned: argument blocks need that.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/assert.h"

namespace stator::bridge {

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlign = 64;

  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }

  void clear() { size_ = 0; }
  void release() {
    memory_.reset();
    size_ = capacity_ = 0;
  }
  // Appends `bytes` zeroed bytes at the next multiple of `align`; returns their offset.
  std::size_t extend(std::size_t bytes, std::size_t align) {
    const std::size_t offset = (size_ + align - 1) / align * align;
    reserve(offset + bytes);
    std::memset(memory_.get() + size_, 0, offset + bytes - size_);
    size_ = offset + bytes;
    return offset;
  }
  // Appends the bytes of `from` at the next multiple of `align`; returns their offset.
  std::size_t append(const void* from, std::size_t bytes, std::size_t align) {
    const std::size_t offset = (size_ + align - 1) / align * align;
    reserve(offset + bytes);
    if (offset != size_) std::memset(memory_.get() + size_, 0, offset - size_);
    if (bytes != 0) std::memcpy(memory_.get() + offset, from, bytes);
    size_ = offset + bytes;
    return offset;
  }
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    std::size_t grown = capacity_ < 512 ? 512 : capacity_ * 2;
    while (grown < bytes) grown *= 2;
    auto* fresh = static_cast<std::byte*>(std::aligned_alloc(kAlign, grown));
    STATOR_ASSERT(fresh != nullptr);
    if (size_ != 0) std::memcpy(fresh, memory_.get(), size_);
    memory_.reset(fresh);
    capacity_ = grown;
  }
  // Gives back the last `bytes`.
  void shrink(std::size_t bytes) {
    STATOR_DASSERT(bytes <= size_);
    size_ -= bytes;
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace stator::bridge
