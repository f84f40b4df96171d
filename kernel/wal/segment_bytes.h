// The bytes of a segment for whoever reads it from its beginning to its end: all in memory, or a
// window of its file at a time. A segment has 64 MiB; memory of that size is touched for the first
// time while it is read, which takes longer than everything else that is done with it.
#pragma once

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "io/file_system.h"

namespace stator::wal {

// One thread.
class SegmentBytes {
 public:
  // They outlive it.
  explicit SegmentBytes(ByteView all) : size_(all.size()), window_(all) {}
  // `file` has `size` bytes; it and `buffer`, where the window is, outlive it.
  SegmentBytes(io::File& file, std::size_t size, ByteBuffer& buffer)
      : file_(&file), size_(size), buffer_(&buffer) {}

  std::size_t size() const { return size_; }
  // What is from `offset` on, `bytes` of it at least, but for the end. Lent until the next call.
  Result<ByteView> at(std::size_t offset, std::size_t bytes);

 private:
  io::File* file_ = nullptr;  // null: everything is in the window
  std::size_t size_;
  ByteBuffer* buffer_ = nullptr;
  ByteView window_;
  std::size_t window_at_ = 0;
};

}  // namespace stator::wal
