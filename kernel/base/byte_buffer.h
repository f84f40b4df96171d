// Growable bytes that are never zeroed: answers and frames are written into it in place.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/assert.h"
#include "base/bytes.h"

namespace stator {

class ByteBuffer {
 public:
  const char* data() const { return memory_.get(); }
  char* data() { return memory_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return capacity_; }
  ByteView view() const { return {memory_.get(), size_}; }

  // Room for `bytes` more behind the end; valid until the next reserve.
  char* reserve(std::size_t bytes) {
    if (size_ + bytes > capacity_) grow(size_ + bytes);
    return memory_.get() + size_;
  }
  void commit(std::size_t bytes) {
    STATOR_DASSERT(size_ + bytes <= capacity_);
    size_ += bytes;
  }
  void append(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void insert(std::size_t at, ByteView bytes) {
    STATOR_ASSERT(at <= size_);
    reserve(bytes.size());
    std::memmove(memory_.get() + at + bytes.size(), memory_.get() + at, size_ - at);
    std::memcpy(memory_.get() + at, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  // Drops the first `bytes`.
  void consume(std::size_t bytes) {
    STATOR_DASSERT(bytes <= size_);
    size_ -= bytes;
    if (size_ != 0) std::memmove(memory_.get(), memory_.get() + bytes, size_);
  }
  void truncate(std::size_t bytes) {
    STATOR_DASSERT(bytes <= size_);
    size_ = bytes;
  }
  void clear() { size_ = 0; }
  void release() {
    memory_.reset();
    size_ = capacity_ = 0;
  }
  // Empty again; memory beyond `keep` bytes is freed, so one large use does not pin it.
  void rest(std::size_t keep) {
    size_ = 0;
    if (capacity_ > keep) release();
  }

 private:
  void grow(std::size_t bytes) {
    std::size_t grown = capacity_ < 256 ? 256 : capacity_ * 2;
    while (grown < bytes) grown *= 2;
    auto* fresh = static_cast<char*>(std::realloc(memory_.get(), grown));
    STATOR_ASSERT(fresh != nullptr);
    static_cast<void>(memory_.release());
    memory_.reset(fresh);
    capacity_ = grown;
  }
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char[], Free> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace stator
