// Growing bytes that begin on a block boundary: what a durable write takes.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/assert.h"
#include "base/bytes.h"
#include "io/file_system.h"

namespace stator::wal {

class BlockBuffer {
 public:
  char* data() { return memory_.get(); }
  ByteView view() const { return {memory_.get(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }
  // Gives memory beyond `bytes` back. Only when empty.
  void keep_at_most(std::size_t bytes) {
    STATOR_DASSERT(size_ == 0);
    if (capacity_ <= bytes) return;
    memory_.reset();
    capacity_ = 0;
  }
  void append(ByteView bytes) {
    reserve(size_ + bytes.size());
    std::memcpy(memory_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // Zeros behind what is there.
  void resize(std::size_t bytes) {
    STATOR_DASSERT(bytes >= size_);
    reserve(bytes);
    std::memset(memory_.get() + size_, 0, bytes - size_);
    size_ = bytes;
  }

 private:
  void reserve(std::size_t bytes) {
    if (bytes <= capacity_) return;
    std::size_t grown = capacity_ == 0 ? 16 * io::kBlockBytes : capacity_ * 2;
    while (grown < bytes) grown *= 2;
    std::unique_ptr<char[], Free> fresh(
        static_cast<char*>(std::aligned_alloc(io::kBlockBytes, grown)));
    STATOR_ASSERT(fresh != nullptr);
    if (size_ != 0) std::memcpy(fresh.get(), memory_.get(), size_);
    memory_ = std::move(fresh);
    capacity_ = grown;
  }
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char[], Free> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace stator::wal
