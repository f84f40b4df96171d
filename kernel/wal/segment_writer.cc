#include "wal/segment_writer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "wal/live_segment_reader.h"
#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

// The first segment is small, each further one this many times as large, up to segment_bytes: a
// small database has a small log.
constexpr std::size_t kFirstSegmentBytes = 1024 * 1024;
constexpr std::size_t kSegmentGrowth = 4;

// An error of a sync is never "try again": what the disk holds is unknown after it.
Status fatal(Status status) {
  if (status.ok()) return status;
  return Error(ErrorCode::kWal, status.error().sentence());
}

}  // namespace

Status SegmentWriter::begin(RecoveredLog recovered) {
  STATOR_CHECK(maker_.begin());
  segments_ = std::move(recovered.segments);
  if (segments_.empty()) return add_segment(recovered.position, 0, active_key(options_.keys));
  oldest_.store(segments_.front().first.value(), std::memory_order_release);
  offset_ = recovered.offset;
  STATOR_CHECK(open_last());
  return note_parts(Lsn{recovered.position.next.value() - 1});
}

// With a codec of our own: its nonces are others than those of whoever wrote before us.
Status SegmentWriter::open_last() {
  const std::string& path = segments_.back().path;
  STATOR_TRY(const std::unique_ptr<io::File> file, files_.open_to_read(path));
  STATOR_TRY(const std::string header, file->read_at(0, io::kBlockBytes));
  STATOR_TRY(SegmentReader reader, SegmentReader::open(header, path, options_.keys));
  codec_.emplace(reader.take_codec());
  STATOR_TRY(file_, files_.open_durable(path));
  STATOR_TRY(end_, file_->size());
  return ok_status();
}

// A segment that nobody needs may be damaged: then its time is unknown.
Status SegmentWriter::note_parts(Lsn durable) {
  for (const Segment& segment : segments_) {
    LogPart part{.first = segment.first, .bytes = 0, .begin_ms = 0};
    STATOR_TRY(const std::unique_ptr<io::File> file, files_.open_to_read(segment.path));
    STATOR_TRY(part.bytes, file->size());
    auto reader = LiveSegmentReader::open(files_, segment.path, options_.keys);
    if (reader.ok() && reader.value()->position().next <= durable) {
      auto batch = reader.value()->next(durable);
      if (batch.ok() && batch.value()) part.begin_ms = batch.value()->seal().time_ms;
    }
    parts_.push_back(part);
  }
  return ok_status();
}

std::size_t SegmentWriter::next_size(std::size_t before, std::size_t commit) const {
  const std::size_t grown =
      std::min(std::max(before * kSegmentGrowth, kFirstSegmentBytes), options_.segment_bytes);
  return block_end(std::max(grown, io::kBlockBytes + commit));
}

Status SegmentWriter::add_segment(const LogPosition& position, std::size_t bytes,
                                  std::optional<KeyId> key) {
  const std::string path = options_.directory + "/" + segment_name(position.next);
  STATOR_TRY(const std::size_t made, maker_.take(next_size(end_, bytes)));
  STATOR_TRY(std::unique_ptr<io::File> file, files_.open_durable(maker_.path()));
  std::optional<SegmentKey> with;
  if (key) with = SegmentKey{*key, *options_.keys->find(*key)};  // a ring holds what was active
  NewSegment fresh = new_segment(position, with);
  BlockBuffer header;
  header.append(fresh.header);
  header.resize(io::kBlockBytes);
  // The name comes last: a segment that has one has a good header.
  STATOR_CHECK(fatal(file->write_at(0, header.view())));
  STATOR_CHECK(fatal(files_.rename(maker_.path(), path)));
  STATOR_CHECK(fatal(files_.sync_directory(options_.directory)));
  // One without any commit is replaced by a larger one of the same name.
  if (segments_.empty()) oldest_.store(position.next.value(), std::memory_order_release);
  const std::lock_guard lock(parts_mutex_);
  if (segments_.empty() || segments_.back().first != position.next) {
    segments_.push_back({position.next, path});
    parts_.push_back({.first = position.next, .bytes = 0, .begin_ms = 0});
  }
  parts_.back().bytes = made;
  file_ = std::move(file);
  codec_.emplace(std::move(fresh.codec));
  offset_ = io::kBlockBytes;
  end_ = made;
  return ok_status();
}

Status SegmentWriter::make_room(const Commit& commit) {
  const std::size_t bytes = block_end(commit.bytes.size());
  if (!has_room(commit)) return add_segment(commit.begin, bytes, commit.key);
  if (offset_ + bytes > end_ / 2) maker_.prepare(next_size(end_, 0));
  return ok_status();
}

Status SegmentWriter::write(Commit& commit) {
  STATOR_CHECK(make_room(commit));
  codec_->seal(commit.bytes.data(), commit.bytes.size(), commit.begin.next, offset_);
  commit.bytes.resize(block_end(commit.bytes.size()));
  // Even "no space" is final here, where space was reserved: what the disk holds is unknown.
  STATOR_CHECK(fatal(file_->write_at(offset_, commit.bytes.view())));
  offset_ += commit.bytes.size();
  const std::lock_guard lock(parts_mutex_);
  if (parts_.back().first == commit.begin.next) parts_.back().begin_ms = commit.begin_ms;
  return ok_status();
}

// What a file held stays in it behind its new commits: where the log is, or may become, encrypted,
// that must be no plain text.
bool SegmentWriter::may_keep(const std::string& path) {
  if (options_.keys == nullptr || options_.keys->path().empty()) return true;
  auto file = files_.open_to_read(path);
  if (!file.ok()) return false;
  auto block = file.value()->read_at(0, io::kBlockBytes);
  if (!block.ok()) return false;
  auto header = read_segment_header(block.value());
  return header.ok() && header.value().key.has_value();
}

bool SegmentWriter::is_oldest_below(Lsn to) const {
  return segments_.size() > 1 && segments_[1].first <= to;
}

bool SegmentWriter::remove_oldest(bool may_keep) {
  // Before it is gone: who does not find a record must not be told that it is there.
  oldest_.store(segments_[1].first.value(), std::memory_order_release);
  Status removed = maker_.take_over(segments_.front().path, may_keep);
  if (!removed.ok()) {
    log::warn("a segment of the log cannot be removed: " + removed.error().sentence());
    return false;
  }
  segments_.erase(segments_.begin());
  const std::lock_guard lock(parts_mutex_);
  parts_.erase(parts_.begin());
  return true;
}

// Oldest first and one after the other, so that a crash leaves no gap. The segment behind a removed
// one holds a durable batch, so that the log can always tell where it stands.
void SegmentWriter::trim(Lsn to, Lsn durable) {
  const Lsn end = std::min(to, durable);
  while (is_oldest_below(end) && remove_oldest(may_keep(segments_.front().path))) {
  }
}

bool SegmentWriter::give_back(Lsn to) {
  if (maker_.drop_kept()) return true;
  if (!is_oldest_below(to) || !remove_oldest(false)) return false;
  log::warn("the disk of the log is full: history before LSN " + std::to_string(oldest().value()) +
            " is given up");
  return true;
}

}  // namespace stator::wal
