#include "wal/segment_reader.h"

#include <algorithm>

namespace stator::wal {
namespace {

// Read at once: little at the end of a log, which is all there is, more while there is more.
constexpr std::size_t kReadBytesMin = 16u * 1024;
constexpr std::size_t kReadBytesMax = 1024u * 1024;
constexpr std::size_t kReadGrowth = 4;

constexpr std::size_t kAlignment = 8;  // of batches in a segment

}  // namespace

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(io::FileSystem& files,
                                                           const std::string& path) {
  STATOR_TRY(std::unique_ptr<io::File> file, files.open_to_read(path));
  STATOR_TRY(const std::string header, file->read_at(0, io::kBlockBytes));
  auto position = read_segment_header(header);
  if (!position.ok()) {
    return Error(position.error().code(), path + ": " + position.error().sentence());
  }
  return std::make_unique<SegmentReader>(std::move(file), path, position.value());
}

Error SegmentReader::corrupted(const std::string& why) const {
  return Error(ErrorCode::kCorrupted, "the log cannot be read back: segment " + path_ +
                                          ", offset " + std::to_string(offset_) + ": " + why);
}

ByteView SegmentReader::rest() const {
  const std::uint64_t begin = offset_ - buffer_at_;
  return ByteView(buffer_).substr(
      static_cast<std::size_t>(std::min<std::uint64_t>(begin, buffer_.size())));
}

Status SegmentReader::fill(Lsn durable, std::size_t bytes) {
  STATOR_TRY(buffer_, file_->read_at(offset_, bytes));
  buffer_at_ = offset_;
  buffer_durable_ = durable;
  ahead_ = bytes;
  return ok_status();
}

Status SegmentReader::take(const BatchReader& batch) {
  if (batch.seal().first != position_.next) {
    return corrupted("a batch begins at LSN " + std::to_string(batch.seal().first.value()) +
                     " instead of " + std::to_string(position_.next.value()));
  }
  if (batch.seal().previous_chain != position_.chain) return corrupted("it continues another log");
  position_ = {.next = Lsn{batch.seal().first.value() + batch.count()}, .chain = batch.chain()};
  offset_ += batch.size();
  return ok_status();
}

// Zeros, or the end of the file, where a batch could begin; false when too little was read to tell.
bool SegmentReader::is_at_zeros() const {
  const ByteView bytes = rest().substr(0, kAlignment);
  if (bytes.size() < kAlignment && !is_read_to_end()) return false;
  return bytes.find_first_not_of('\0') == ByteView::npos;
}

Result<std::optional<BatchReader>> SegmentReader::next(Lsn durable) {
  // What was read before this record was durable shows what stood there before.
  if (position_.next > buffer_durable_) STATOR_CHECK(fill(durable, kReadBytesMin));
  for (;;) {
    if (is_at_zeros()) {
      // A commit that follows begins with a block.
      if (offset_ == block_end(offset_) || rest().size() < kAlignment) {
        return std::optional<BatchReader>();
      }
      offset_ = block_end(offset_);
      continue;
    }
    auto batch = BatchReader::open(rest());
    if (batch.ok()) {
      STATOR_CHECK(take(batch.value()));
      return std::optional<BatchReader>(batch.value());
    }
    const bool is_cut = batch.error().code() == ErrorCode::kNotFound;
    if (!is_cut || is_read_to_end()) return corrupted(batch.error().sentence());
    const std::size_t announced = BatchReader::announced_size(rest()).value_or(0);
    const std::size_t more = std::clamp(ahead_ * kReadGrowth, kReadBytesMin, kReadBytesMax);
    STATOR_CHECK(fill(durable, std::max(announced, more)));
  }
}

}  // namespace stator::wal
