#include "wal/log_copy.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace stator::wal {
namespace {

// Read or written at once.
constexpr std::size_t kChunkBytes = 4u * 1024 * 1024;

Lsn last_of(const BatchReader& batch) {
  return Lsn{batch.seal().first.value() + batch.count() - 1};
}

}  // namespace

Result<CopiedRange> copy_batches(Log& log, Lsn from, Lsn to, const BatchSink& sink) {
  const auto reader = log.reader(from);
  CopiedRange range;
  for (bool has_begun = false; !has_begun || range.end.next <= to; has_begun = true) {
    STATOR_TRY(const LogReader::Step step, reader->next());
    if (step == LogReader::Step::kTrimmed) {
      return Error(ErrorCode::kNotFound,
                   "the log no longer has LSN " + std::to_string(from.value()));
    }
    if (step == LogReader::Step::kEnd) {
      return Error(ErrorCode::kInternal, "LSN " + std::to_string(to.value()) + " is not durable");
    }
    const BatchReader& batch = reader->batch();
    if (!has_begun)
      range.begin = {.next = batch.seal().first, .chain = batch.seal().previous_chain};
    STATOR_CHECK(sink(batch));
    range.end = {.next = reader->position(), .chain = batch.chain(), .epoch = batch.seal().epoch};
  }
  return range;
}

Status read_batches(io::File& file, const BatchSink& sink) {
  std::string bytes;
  std::uint64_t offset = 0;  // of `bytes`
  std::size_t wanted = kChunkBytes;
  for (;;) {
    STATOR_TRY(bytes, file.read_at(offset, wanted));
    if (bytes.empty()) return ok_status();
    std::size_t at = 0;
    while (at < bytes.size()) {
      const ByteView rest = ByteView(bytes).substr(at);
      auto batch = BatchReader::open(rest);
      const bool is_cut = !batch.ok() && batch.error().code() == ErrorCode::kNotFound;
      if (is_cut && (at > 0 || bytes.size() == wanted)) break;  // its end is in the next chunk
      if (!batch.ok()) {
        return Error(ErrorCode::kCorrupted,
                     "offset " + std::to_string(offset + at) + ": " + batch.error().sentence());
      }
      STATOR_CHECK(sink(batch.value()));
      at += batch.value().size();
    }
    wanted =
        std::max(kChunkBytes, BatchReader::announced_size(ByteView(bytes).substr(at)).value_or(0));
    offset += at;
  }
}

Status LogBuilder::begin(const LogPosition& position) {
  position_ = position;
  return add_segment();
}

Status LogBuilder::add_segment() {
  STATOR_TRY(file_, files_.create(directory_ + "/" + segment_name(position_.next)));
  written_ = 0;
  std::optional<SegmentKey> with;
  const auto id = active_key(keys_);
  if (id) with = SegmentKey{*id, *keys_->find(*id)};  // a ring holds what was active
  NewSegment made = new_segment(position_, with);
  made.header.resize(io::kBlockBytes);
  codec_.emplace(std::move(made.codec));
  return write(made.header);
}

Status LogBuilder::write(ByteView bytes) {
  STATOR_CHECK(file_->write_at(written_, bytes));
  written_ += bytes.size();
  return ok_status();
}

Status LogBuilder::write_out() {
  if (buffer_.empty()) return ok_status();
  codec_->seal(buffer_.data(), buffer_.size(), buffer_first_, written_);
  buffer_.resize(block_end(buffer_.size()));
  STATOR_CHECK(write(buffer_));
  buffer_.clear();
  return ok_status();
}

Status LogBuilder::add(const BatchReader& batch) {
  const BatchSeal& seal = batch.seal();
  if (seal.first != position_.next || seal.previous_chain != position_.chain) {
    return Error(ErrorCode::kCorrupted, "the batch at LSN " + std::to_string(seal.first.value()) +
                                            " does not continue LSN " +
                                            std::to_string(position_.next.value() - 1));
  }
  const std::uint64_t size = written_ + buffer_.size();
  if (size > io::kBlockBytes && size + batch.size() > segment_bytes_) {
    STATOR_CHECK(finish());
    STATOR_CHECK(add_segment());
  }
  if (buffer_.empty()) {
    buffer_first_ = seal.first;
    buffer_.resize(kCommitHeaderBytes);
  }
  buffer_.append(batch.bytes());
  position_ = {
      .next = Lsn{last_of(batch).value() + 1}, .chain = batch.chain(), .epoch = seal.epoch};
  return buffer_.size() < kChunkBytes ? ok_status() : write_out();
}

Status LogBuilder::finish() {
  STATOR_CHECK(write_out());
  STATOR_CHECK(file_->sync());
  return files_.sync_directory(directory_);
}

}  // namespace stator::wal
