#include "wal/live_segment_reader.h"

#include <algorithm>

#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

// Read at once: little at the end of a log, which is all there is, more while there is more.
constexpr std::size_t kReadBytesMin = 16u * 1024;
constexpr std::size_t kReadBytesMax = 1024u * 1024;
constexpr std::size_t kReadGrowth = 4;

bool is_named_so(const std::string& path, Lsn first) {
  return path.ends_with("/" + segment_name(first));
}

}  // namespace

Result<std::unique_ptr<LiveSegmentReader>> LiveSegmentReader::open(io::FileSystem& files,
                                                                   const std::string& path,
                                                                   const KeyRing* keys) {
  STATOR_TRY(std::unique_ptr<io::File> file, files.open_to_read(path));
  STATOR_TRY(const std::string header, file->read_at(0, io::kBlockBytes));
  auto reader = SegmentReader::open(header, path, keys);
  if (!reader.ok() && reader.error().code() == ErrorCode::kCrypto) return std::move(reader.error());
  if (!reader.ok()) {
    return Error(reader.error().code(), path + ": " + reader.error().sentence());
  }
  const LogPosition begin = reader.value().begin();
  if (!is_named_so(path, begin.next)) {
    return Error(ErrorCode::kCorrupted,
                 path + ": the segment begins at LSN " + std::to_string(begin.next.value()));
  }
  return std::make_unique<LiveSegmentReader>(std::move(file), path, begin,
                                             reader.value().take_codec());
}

Error LiveSegmentReader::corrupted(const std::string& why) const {
  return Error(ErrorCode::kCorrupted, "the log cannot be read back: segment " + path_ +
                                          ", offset " + std::to_string(commit_at_) + ": " + why);
}

ByteView LiveSegmentReader::rest() const {
  const std::uint64_t begin = offset_ - buffer_at_;
  return buffer_.view().substr(
      static_cast<std::size_t>(std::min<std::uint64_t>(begin, buffer_.size())));
}

Status LiveSegmentReader::fill(Lsn durable, std::size_t bytes) {
  buffer_.clear();
  STATOR_CHECK(file_->read_into(offset_, bytes, buffer_));
  buffer_at_ = offset_;
  buffer_durable_ = durable;
  ahead_ = bytes;
  return ok_status();
}

Status LiveSegmentReader::take(const BatchReader& batch) {
  if (Status goes_on = check_continues(batch.seal(), position_); !goes_on.ok()) {
    return corrupted("LSN " + std::to_string(position_.next.value()) +
                     " should follow: " + goes_on.error().sentence());
  }
  position_ = {.next = Lsn{batch.seal().first.value() + batch.count()},
               .chain = batch.chain(),
               .epoch = batch.seal().epoch};
  batches_.remove_prefix(batch.size());
  return ok_status();
}

Result<bool> LiveSegmentReader::open_commit(Lsn durable) {
  commit_at_ = offset_;
  // What was read before this record was durable shows what stood there before.
  if (position_.next > buffer_durable_) STATOR_CHECK(fill(durable, kReadBytesMin));
  for (;;) {
    const std::size_t announced = codec_.announced_size(rest(), offset_).value_or(0);
    const bool is_cut = rest().size() < std::max(announced, kCommitHeaderBytes);
    if (!is_cut || is_read_to_end()) break;
    const std::size_t more = std::clamp(ahead_ * kReadGrowth, kReadBytesMin, kReadBytesMax);
    STATOR_CHECK(fill(durable, std::max<std::size_t>(block_end(announced), more)));
  }
  auto commit = codec_.open(rest(), offset_, opened_);
  if (!commit.ok() && commit.error().code() == ErrorCode::kNotFound) return false;
  if (!commit.ok()) return corrupted(commit.error().sentence());
  batches_ = commit.value().batches;
  offset_ = block_end(offset_ + commit.value().size);
  return true;
}

Result<std::optional<BatchReader>> LiveSegmentReader::next(Lsn durable) {
  if (batches_.empty()) {
    STATOR_TRY(const bool is_there, open_commit(durable));
    if (!is_there) return std::optional<BatchReader>();
  }
  auto batch = BatchReader::open(batches_);
  if (!batch.ok()) return corrupted(batch.error().sentence());
  STATOR_CHECK(take(batch.value()));
  return std::optional<BatchReader>(batch.value());
}

}  // namespace stator::wal
