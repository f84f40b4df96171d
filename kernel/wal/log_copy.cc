#include "wal/log_copy.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

// Read or written at once.
constexpr std::size_t kChunkBytes = 4u * 1024 * 1024;

struct Source {
  Lsn first;
  std::string path;
};

Lsn last_of(const BatchReader& batch) {
  return Lsn{batch.seal().first.value() + batch.count() - 1};
}

Error trimmed(Lsn from) {
  return Error(ErrorCode::kNotFound, "the log no longer has LSN " + std::to_string(from.value()));
}

// The segments from the one that holds `from` on.
Result<std::vector<Source>> segments_from(io::FileSystem& files, const std::string& directory,
                                          Lsn from) {
  STATOR_TRY(const std::vector<std::string> names, files.list(directory));
  std::vector<Source> segments;
  for (const std::string& name : names) {
    if (const auto first = first_lsn_of(name)) segments.push_back({*first, directory + "/" + name});
  }
  const auto behind = std::find_if(segments.begin(), segments.end(),
                                   [&](const Source& segment) { return segment.first > from; });
  if (behind == segments.begin()) return trimmed(from);
  segments.erase(segments.begin(), std::prev(behind));
  return segments;
}

class Copier {
 public:
  Copier(Lsn from, Lsn to, const BatchSink& sink, const KeyRing* keys)
      : from_(from), to_(to), sink_(sink), keys_(keys) {}

  Status take(const std::string& path, ByteView segment);
  bool is_done() const { return range_.end.next > to_; }
  const CopiedRange& range() const { return range_; }

 private:
  Status take_batch(const BatchReader& batch);

  const Lsn from_;
  const Lsn to_;
  const BatchSink& sink_;
  const KeyRing* keys_;
  CopiedRange range_;
  bool has_begun_ = false;
};

Status Copier::take_batch(const BatchReader& batch) {
  if (last_of(batch) < from_) return ok_status();
  const BatchSeal& seal = batch.seal();
  if (!has_begun_) range_.begin = range_.end = {.next = seal.first, .chain = seal.previous_chain};
  if (range_.begin.next > from_) return trimmed(from_);
  if (seal.first != range_.end.next || seal.previous_chain != range_.end.chain) {
    return Error(ErrorCode::kCorrupted,
                 "the log has a gap before LSN " + std::to_string(seal.first.value()));
  }
  has_begun_ = true;
  STATOR_CHECK(sink_(batch));
  range_.end = {.next = Lsn{last_of(batch).value() + 1}, .chain = batch.chain()};
  return ok_status();
}

// Behind `to` the segment may be half written: nobody looks there.
Status Copier::take(const std::string& path, ByteView segment) {
  auto reader = SegmentReader::open(segment, path, keys_);
  if (!reader.ok() && reader.error().code() == ErrorCode::kCrypto) {
    return std::move(reader.error());
  }
  if (!reader.ok()) return Error(ErrorCode::kCorrupted, path + ": " + reader.error().sentence());
  LogPosition position = reader.value().begin();
  bool is_stopped = false;
  auto end = reader.value().walk(position, [&](BatchReader& batch, std::size_t) -> Status {
    Status taken = take_batch(batch);
    is_stopped = !taken.ok() || is_done();
    return is_stopped && taken.ok() ? Status(Error(ErrorCode::kCancelled, "all is copied"))
                                    : std::move(taken);
  });
  if (end.ok() || (is_stopped && is_done())) return ok_status();
  return std::move(end.error());
}

}  // namespace

Result<CopiedRange> copy_batches(io::FileSystem& files, const std::string& directory, Lsn from,
                                 Lsn to, const BatchSink& sink, const KeyRing* keys) {
  STATOR_TRY(const std::vector<Source> segments, segments_from(files, directory, from));
  Copier copier(from, to, sink, keys);
  for (const Source& segment : segments) {
    auto bytes = io::read_file(files, segment.path);
    if (!bytes.ok()) {
      // Records before `from` may be trimmed while we look.
      STATOR_TRY(const bool is_there, files.exists(segment.path));
      if (!is_there) return trimmed(from);
      return std::move(bytes.error());
    }
    STATOR_CHECK(copier.take(segment.path, bytes.value()));
    if (copier.is_done()) return copier.range();
  }
  return Error(ErrorCode::kCorrupted, "the log cannot be read back: LSN " +
                                          std::to_string(to.value()) +
                                          " is durable, but is not in its segments");
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
  const auto id = keys_ == nullptr ? std::nullopt : keys_->active();
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
  position_ = {.next = Lsn{last_of(batch).value() + 1}, .chain = batch.chain()};
  return buffer_.size() < kChunkBytes ? ok_status() : write_out();
}

Status LogBuilder::finish() {
  STATOR_CHECK(write_out());
  STATOR_CHECK(file_->sync());
  return files_.sync_directory(directory_);
}

}  // namespace stator::wal
