#include "wal/segment_bytes.h"

#include <algorithm>

namespace stator::wal {
namespace {

// Fits into the cache of a core, and takes most commits.
constexpr std::size_t kWindowBytes = 512u * 1024;

}  // namespace

Result<ByteView> SegmentBytes::at(std::size_t offset, std::size_t bytes) {
  if (offset >= size_) return ByteView();
  bytes = std::min(bytes, size_ - offset);
  const bool is_there =
      offset >= window_at_ && offset + bytes <= window_at_ + window_.size();
  if (is_there) return window_.substr(offset - window_at_);
  buffer_->clear();
  STATOR_CHECK(file_->read_into(offset, std::max(bytes, kWindowBytes), *buffer_));
  window_ = buffer_->view();
  window_at_ = offset;
  return window_;
}

}  // namespace stator::wal
