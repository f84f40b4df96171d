#include "wal/local_log.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/thread.h"
#include "wal/block_buffer.h"
#include "wal/live_segment_reader.h"
#include "wal/local_log_reader.h"
#include "wal/log_cut.h"
#include "wal/recovery.h"
#include "wal/segment.h"
#include "wal/segment_maker.h"
#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

// The first segment is small, each further one this many times as large, up to segment_bytes: a small
// database has a small log.
constexpr std::size_t kFirstSegmentBytes = 1024 * 1024;
constexpr std::size_t kSegmentGrowth = 4;
// Time between two attempts to write while the disk is full.
constexpr std::chrono::milliseconds kDiskFullRetry{100};
// Bytes that may wait for the disk; beyond it writers are told to come back.
constexpr std::size_t kStagedBytesMax = 4 * kBatchBytesMax;
// A buffer that one large commit grew beyond this is given back.
constexpr std::size_t kKeptBufferBytes = 8u * 1024 * 1024;

// Batches that are written and synced together, behind room for the commit's header.
struct Commit {
  BlockBuffer bytes;
  LogPosition begin;
  std::uint64_t begin_ms = 0;  // of its first batch
  Lsn last;
  bool empty() const { return bytes.empty(); }
};

// The files: everything here happens on the opening thread until the writer starts, on the writer's
// from then on. After an error other than kDiskFull nothing more may be written.
class SegmentWriter {
 public:
  SegmentWriter(io::FileSystem& files, const LocalLogOptions& options)
      : files_(files),
        options_(options),
        maker_(files, options.directory, options.segment_bytes, options.is_made_ahead) {}

  Status begin(RecoveredLog recovered);
  // The whole commit, written and synced. kDiskFull: nothing happened, it may be tried again.
  Status write(Commit& commit);
  // The first record of the oldest segment. Any thread.
  Lsn oldest() const { return Lsn{oldest_.load(std::memory_order_acquire)}; }
  // write() needs no new segment for it.
  bool has_room(const Commit& commit) const {
    return has_room(block_end(commit.bytes.size()), active_key());
  }
  // Any thread.
  std::vector<LogPart> parts() const {
    const std::lock_guard lock(parts_mutex_);
    return parts_;
  }
  void trim(Lsn to, Lsn durable);

 private:
  Status make_room(const Commit& commit);
  std::optional<KeyId> active_key() const {
    return options_.keys == nullptr ? std::nullopt : options_.keys->active();
  }
  bool has_room(std::size_t bytes, std::optional<KeyId> key) const {
    return key == codec_->key_id() && offset_ + bytes <= end_;
  }
  // Lets the log go on at `position` in a file with room for `bytes` of a commit.
  Status add_segment(const LogPosition& position, std::size_t bytes, std::optional<KeyId> key);
  Status open_last();
  // Whether a segment's file may become a later one.
  bool may_keep(const std::string& path);
  Status note_parts(Lsn durable);
  // Bytes of a segment behind one of `before` bytes.
  std::size_t next_size(std::size_t before, std::size_t commit) const;

  io::FileSystem& files_;
  const LocalLogOptions options_;
  std::vector<Segment> segments_;
  std::atomic<std::uint64_t> oldest_{1};
  mutable std::mutex parts_mutex_;
  std::vector<LogPart> parts_;  // of segments_
  std::unique_ptr<io::File> file_;    // of the last segment
  std::uint64_t offset_ = 0;          // where the next commit goes
  std::uint64_t end_ = 0;             // of the last segment's space
  std::optional<CommitCodec> codec_;  // of the last segment
  SegmentMaker maker_;
};

// An error of a sync is never "try again": what the disk holds is unknown after it.
Status fatal(Status status) {
  if (status.ok()) return status;
  return Error(ErrorCode::kWal, status.error().sentence());
}

Status SegmentWriter::begin(RecoveredLog recovered) {
  STATOR_CHECK(maker_.begin());
  segments_ = std::move(recovered.segments);
  if (segments_.empty()) return add_segment(recovered.position, 0, active_key());
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
  const std::optional<KeyId> key = active_key();
  const std::size_t bytes = block_end(commit.bytes.size());
  if (!has_room(bytes, key)) return add_segment(commit.begin, bytes, key);
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

// Oldest first and one after the other, so that a crash leaves no gap. The segment behind a removed
// one holds a durable batch, so that the log can always tell where it stands.
void SegmentWriter::trim(Lsn to, Lsn durable) {
  while (segments_.size() > 1 && segments_[1].first <= std::min(to, durable)) {
    // Before it is gone: who does not find a record must not be told that it is there.
    oldest_.store(segments_[1].first.value(), std::memory_order_release);
    const std::string& path = segments_.front().path;
    Status removed = maker_.take_over(path, may_keep(path));
    if (!removed.ok()) {
      log::warn("a segment of the log cannot be removed: " + removed.error().sentence());
      return;
    }
    segments_.erase(segments_.begin());
    const std::lock_guard lock(parts_mutex_);
    parts_.erase(parts_.begin());
  }
}

class LocalLog final : public Log {
 public:
  LocalLog(io::FileSystem& files, LocalLogOptions options, std::unique_ptr<SegmentWriter> segments,
           const LogPosition& position, std::uint64_t torn_bytes);
  ~LocalLog() override { close(); }

  Result<Lsn> append(BatchBuilder& batch, std::uint64_t time_ms, std::uint32_t epoch) override;
  Result<Lsn> seal(std::uint32_t epoch, std::uint64_t time_ms) override;
  std::uint32_t epoch() const override;
  void flush() override;
  bool commit_here() override;
  Lsn durable() const override { return Lsn{tail_.durable.load(std::memory_order_acquire)}; }
  std::uint64_t torn_bytes() const override { return torn_bytes_; }
  Lsn last() const override { return Lsn{last_.load(std::memory_order_acquire)}; }
  Status health() const override;
  void set_listener(std::function<void()> listener) override { listener_ = std::move(listener); }
  std::unique_ptr<LogReader> reader(Lsn from) override;
  Lsn oldest() const override {
    const std::lock_guard lock(segments_mutex_);
    return segments_->oldest();
  }
  std::vector<LogPart> parts() const override {
    const std::lock_guard lock(segments_mutex_);
    return segments_->parts();
  }
  void trim(Lsn to) override;
  Status discard_to(Lsn to) override;
  void close() override;

 private:
  Status check_open() const;
  Lsn append_locked(BatchBuilder& batch, std::uint64_t time_ms);
  // While the writer does not run.
  Status reopen_at(Lsn to);
  void wake_writer();
  void run();
  // Under the lock: nobody writes, and what is staged can be written without a new segment.
  bool may_write_here() const;
  // Under the lock: begins to write what is staged.
  void begin_write();
  // Writes it. False when the log has failed.
  bool write();
  void end_write();
  // Waits for space or for the end; false at the end.
  bool wait_for_space(const std::string& reason);
  void set_disk_full(bool is_full);
  void fail(Status status);
  void notify() const {
    if (listener_) listener_();
  }

  io::FileSystem& files_;
  const LocalLogOptions options_;
  // Guards the pointer against discard_to(), for who only asks; who writes is alone then.
  mutable std::mutex segments_mutex_;
  // Of whoever set is_writing_: the writer's thread, or a lane in commit_here().
  std::unique_ptr<SegmentWriter> segments_;
  Commit writing_;
  const std::uint64_t torn_bytes_;

  std::function<void()> listener_;
  LogTail tail_;  // of it durable: release by the writer, acquire by lanes
  std::atomic<std::uint64_t> last_;
  std::atomic<bool> is_flush_due_{false};  // something was appended since the last flush()

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  Commit staged_;
  LogPosition position_;  // of the next batch
  Lsn trim_to_;
  Lsn trimmed_;  // as far as the writer has begun to
  bool is_writer_asleep_ = false;
  bool is_writing_ = false;  // somebody has segments_ and writing_
  bool is_flushed_ = false;  // the writer is to take what is staged
  bool is_closing_ = false;
  bool is_disk_full_ = false;
  Status failure_;

  io::Thread writer_;  // last: it uses all of the above
};

LocalLog::LocalLog(io::FileSystem& files, LocalLogOptions options,
                   std::unique_ptr<SegmentWriter> segments, const LogPosition& position,
                   std::uint64_t torn_bytes)
    : files_(files),
      options_(std::move(options)),
      segments_(std::move(segments)),
      torn_bytes_(torn_bytes),
      tail_(position.next.value() - 1),
      last_(position.next.value() - 1),
      position_(position),
      writer_("wal", [this] { run(); }) {}

Status LocalLog::check_open() const {
  if (!failure_.ok()) return failure_;
  if (is_closing_) return Error(ErrorCode::kWal, "the log is closed");
  if (is_disk_full_) {
    return Error(ErrorCode::kDiskFull,
                 "the disk of the log is full; writes go on when it has space");
  }
  if (staged_.bytes.size() > kStagedBytesMax) {
    return Error(ErrorCode::kBusy, "the disk of the log is slower than the writes");
  }
  return ok_status();
}

Result<Lsn> LocalLog::append(BatchBuilder& batch, std::uint64_t time_ms, std::uint32_t epoch) {
  STATOR_ASSERT(batch.count() > 0);
  const std::lock_guard lock(mutex_);
  STATOR_CHECK(check_open());
  if (epoch != position_.epoch) return fenced(epoch, position_.epoch);
  return append_locked(batch, time_ms);
}

Lsn LocalLog::append_locked(BatchBuilder& batch, std::uint64_t time_ms) {
  if (staged_.empty()) {
    staged_.begin = position_;
    staged_.begin_ms = time_ms;
    staged_.bytes.resize(kCommitHeaderBytes);
  }
  const Lsn first = position_.next;
  // The batches of one commit follow on a finished commit: all before its begin is durable then.
  position_.chain = BatchSealer::seal(batch, {.group = 0,
                                              .epoch = position_.epoch,
                                              .first = first,
                                              .previous_chain = position_.chain,
                                              .time_ms = time_ms,
                                              .durable_before = staged_.begin.next});
  position_.next = Lsn{first.value() + batch.count()};
  staged_.last = Lsn{position_.next.value() - 1};
  staged_.bytes.append(batch.bytes());
  last_.store(staged_.last.value(), std::memory_order_release);
  is_flush_due_.store(true, std::memory_order_release);
  return first;
}

Result<Lsn> LocalLog::seal(std::uint32_t epoch, std::uint64_t time_ms) {
  const std::lock_guard lock(mutex_);
  STATOR_CHECK(check_open());
  if (epoch <= position_.epoch) return fenced(epoch, position_.epoch);
  BatchBuilder batch = seal_batch();
  position_.epoch = epoch;
  return append_locked(batch, time_ms);
}

std::uint32_t LocalLog::epoch() const {
  const std::lock_guard lock(mutex_);
  return position_.epoch;
}

void LocalLog::flush() {
  if (!is_flush_due_.load(std::memory_order_acquire)) return;
  bool is_asleep = false;
  {
    const std::lock_guard lock(mutex_);
    is_flush_due_.store(false, std::memory_order_relaxed);
    is_flushed_ = !staged_.empty();
    is_asleep = is_writer_asleep_ && !is_writing_;
  }
  // Without the lock, so that the writer does not wake up to wait for it.
  if (is_asleep) wake_.notify_one();
}

bool LocalLog::may_write_here() const {
  return !is_writing_ && !is_flushed_ && !is_closing_ && !is_disk_full_ && failure_.ok() &&
         !staged_.empty() && segments_->has_room(staged_);
}

void LocalLog::begin_write() {
  is_writing_ = true;
  is_flushed_ = false;
  std::swap(writing_, staged_);
}

bool LocalLog::commit_here() {
  if (!is_flush_due_.load(std::memory_order_acquire)) return false;
  bool is_mine = false;
  {
    const std::lock_guard lock(mutex_);
    is_mine = may_write_here();
    if (is_mine) {
      is_flush_due_.store(false, std::memory_order_relaxed);
      begin_write();
    }
  }
  if (!is_mine) {
    flush();
    return false;
  }
  const bool is_written = write();
  end_write();
  return is_written;
}

// What came meanwhile from others is the writer's.
void LocalLog::end_write() {
  writing_.bytes.clear();
  writing_.bytes.keep_at_most(kKeptBufferBytes);
  bool is_due = false;
  {
    const std::lock_guard lock(mutex_);
    is_writing_ = false;
    is_due = is_flushed_ || is_closing_ || trim_to_ > trimmed_ || !failure_.ok();
  }
  if (is_due) wake_.notify_one();
}

// Under the lock: a writer that is not asleep looks at the staged commit before it sleeps.
void LocalLog::wake_writer() {
  if (is_writer_asleep_) wake_.notify_one();
}

Status LocalLog::health() const {
  const std::lock_guard lock(mutex_);
  if (failure_.ok() && is_disk_full_) return Error(ErrorCode::kDiskFull, "the disk of the log is full");
  return failure_;
}

std::unique_ptr<LogReader> LocalLog::reader(Lsn from) {
  return std::make_unique<LocalLogReader>(files_, options_.directory, options_.keys, from, tail_);
}

void LocalLog::trim(Lsn to) {
  const std::lock_guard lock(mutex_);
  trim_to_ = std::max(trim_to_, to);
  wake_writer();
}

void LocalLog::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
    wake_.notify_one();
  }
  writer_.join();
}

Status LocalLog::discard_to(Lsn to) {
  close();  // what is staged is written first, so that there is one case less
  STATOR_CHECK(health());
  const CheckOptions whole{.directory = options_.directory,
                           .oldest_needed = oldest().value(),
                           .keys = options_.keys};
  auto plan = plan_cut(files_, whole, to);
  const bool is_refused = !plan.ok() && plan.error().code() == ErrorCode::kBadRequest;
  Status done;
  if (plan.ok()) done = cut_log(files_, plan.value());
  if (!plan.ok() && !is_refused) done = std::move(plan.error());
  if (done.ok()) done = reopen_at(is_refused ? last() : to);
  if (done.ok()) return is_refused ? Status(std::move(plan.error())) : ok_status();
  Error reason = std::move(done.error());
  fail(Error(reason.code(), reason.sentence()));
  return reason;
}

Status LocalLog::reopen_at(Lsn to) {
  LocalLogOptions options = options_;
  options.oldest_needed = oldest().value();
  options.newest_held = 0;
  options.on_record = {};
  STATOR_TRY(RecoveredLog recovered, recover_log(files_, options));
  if (recovered.position.next.value() != to.value() + 1) {
    return Error(ErrorCode::kWal, "the log does not end where it was cut");
  }
  const LogPosition position = recovered.position;
  {
    const std::lock_guard lock(segments_mutex_);
    segments_.reset();  // only one at a time makes the next file
    segments_ = std::make_unique<SegmentWriter>(files_, options);
    STATOR_CHECK(segments_->begin(std::move(recovered)));
  }
  {
    const std::lock_guard lock(mutex_);
    if (to < durable()) tail_.generation.fetch_add(1, std::memory_order_acq_rel);
    tail_.durable.store(to.value(), std::memory_order_release);
    last_.store(to.value(), std::memory_order_release);
    position_ = position;
    trim_to_ = trimmed_ = Lsn{};
    is_writing_ = false;  // the writer that ended had taken what there was
    is_flushed_ = false;
    is_closing_ = false;
  }
  writer_ = io::Thread("wal", [this] { run(); });
  return ok_status();
}

void LocalLog::run() {
  for (;;) {
    Lsn trim_to;
    {
      std::unique_lock lock(mutex_);
      is_writer_asleep_ = true;
      wake_.wait(lock, [&] {
        return !is_writing_ &&
               (is_flushed_ || is_closing_ || trim_to_ > trimmed_ || !failure_.ok());
      });
      is_writer_asleep_ = false;
      if (!failure_.ok()) return;
      if (trim_to_ > trimmed_) trim_to = trimmed_ = trim_to_;
      begin_write();
      if (writing_.empty() && trim_to == Lsn{}) return;  // closing, and all is done
    }
    const bool is_written = writing_.empty() || write();
    if (is_written && !writing_.empty()) notify();
    if (is_written && trim_to > Lsn{}) segments_->trim(trim_to, durable());
    end_write();
  }
}

bool LocalLog::write() {
  Status written = segments_->write(writing_);
  while (!written.ok() && written.error().code() == ErrorCode::kDiskFull) {
    set_disk_full(true);
    if (!wait_for_space(written.error().sentence())) break;
    written = segments_->write(writing_);
  }
  if (!written.ok()) {
    fail(std::move(written));
    return false;
  }
  set_disk_full(false);
  tail_.durable.store(writing_.last.value(), std::memory_order_release);
  return true;
}

void LocalLog::set_disk_full(bool is_full) {
  {
    const std::lock_guard lock(mutex_);
    if (is_disk_full_ == is_full) return;
    is_disk_full_ = is_full;
  }
  log::warn(is_full ? "the disk of the log is full: writes are refused until it has space"
                    : "the disk of the log has space again: writes go on");
  notify();  // lanes sleep until their next deadline, and only now those of held writes count
}

bool LocalLog::wait_for_space(const std::string& reason) {
  std::unique_lock lock(mutex_);
  if (!wake_.wait_for(lock, kDiskFullRetry, [&] { return is_closing_; })) return true;
  log::error("the log closes with writes that never became durable: " + reason);
  return false;
}

void LocalLog::fail(Status status) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = Error(ErrorCode::kWal,
                     "the log failed and takes no more writes: " + status.error().sentence());
    log::error(failure_.error().sentence());
  }
  notify();
}

}  // namespace

Result<std::unique_ptr<Log>> open_local_log(io::FileSystem& files, const LocalLogOptions& options) {
  STATOR_TRY(RecoveredLog recovered, recover_log(files, options));
  const LogPosition position = recovered.position;
  const std::uint64_t torn_bytes = recovered.torn_bytes;
  auto segments = std::make_unique<SegmentWriter>(files, options);
  STATOR_CHECK(segments->begin(std::move(recovered)));
  return std::unique_ptr<Log>(std::make_unique<LocalLog>(
      files, options, std::move(segments), position, torn_bytes));
}

}  // namespace stator::wal
