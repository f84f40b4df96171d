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
#include "wal/recovery.h"
#include "wal/segment.h"
#include "wal/segment_maker.h"
#include "wal/segment_reader.h"

namespace stator::wal {
namespace {

// The first segment is small, each further one this many times as large, up to segment_bytes: a
// small database has a small log.
constexpr std::size_t kFirstSegmentBytes = 1024 * 1024;
constexpr std::size_t kSegmentGrowth = 4;
// Time between two attempts to write while the disk is full.
constexpr std::chrono::milliseconds kDiskFullRetry{100};
// Bytes that may wait for the disk; beyond it writers are told to come back.
constexpr std::size_t kStagedBytesMax = 4 * kBatchBytesMax;
// A buffer that one large commit grew beyond this is given back.
constexpr std::size_t kKeptBufferBytes = 8u * 1024 * 1024;
// Bytes between two calls that tell a reader's progress.
constexpr std::uint64_t kProgressBytes = 1024 * 1024;

// Batches that are written and synced together, behind room for the commit's header.
struct Commit {
  BlockBuffer bytes;
  LogPosition begin;
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
  Status read(Lsn from, const Log::Visitor& visit, const Log::Progress& progress);
  void trim(Lsn to, Lsn durable);

 private:
  Status make_room(const Commit& commit);
  std::optional<KeyId> active_key() const {
    return options_.keys == nullptr ? std::nullopt : options_.keys->active();
  }
  // Index of the first segment that a reader from LSN `from` needs; the bytes from it on.
  std::size_t first_with(Lsn from) const;
  Result<std::uint64_t> bytes_from(std::size_t index);
  // Lets the log go on at `position` in a file with room for `bytes` of a commit.
  Status add_segment(const LogPosition& position, std::size_t bytes, std::optional<KeyId> key);
  Status open_last();
  // Whether a segment's file may become a later one.
  bool may_keep(const std::string& path);
  // Bytes of a segment behind one of `before` bytes.
  std::size_t next_size(std::size_t before, std::size_t commit) const;

  io::FileSystem& files_;
  const LocalLogOptions options_;
  std::vector<Segment> segments_;
  std::unique_ptr<io::File> file_;    // of the last segment
  std::uint64_t offset_ = 0;          // where the next batch goes
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
  offset_ = recovered.offset;
  return open_last();
}

// With a codec of our own: its nonces are others than those of whoever wrote before us.
Status SegmentWriter::open_last() {
  const std::string& path = segments_.back().path;
  STATOR_TRY(const std::unique_ptr<io::File> file, files_.open(path));
  STATOR_TRY(const std::string header, file->read_at(0, io::kBlockBytes));
  STATOR_TRY(SegmentReader reader, SegmentReader::open(header, path, options_.keys));
  codec_.emplace(reader.take_codec());
  STATOR_TRY(file_, files_.open_durable(path));
  STATOR_TRY(end_, file_->size());
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
  NewSegment made_now = new_segment(position, with);
  BlockBuffer header;
  header.append(made_now.header);
  header.resize(io::kBlockBytes);
  // The name comes last: a segment that has one has a good header.
  STATOR_CHECK(fatal(file->write_at(0, header.view())));
  STATOR_CHECK(fatal(files_.rename(maker_.path(), path)));
  STATOR_CHECK(fatal(files_.sync_directory(options_.directory)));
  // One without any commit is replaced by a larger one of the same name.
  if (segments_.empty() || segments_.back().first != position.next)
    segments_.push_back({position.next, path});
  file_ = std::move(file);
  codec_.emplace(std::move(made_now.codec));
  offset_ = io::kBlockBytes;
  end_ = made;
  return ok_status();
}

Status SegmentWriter::make_room(const Commit& commit) {
  const std::optional<KeyId> key = active_key();
  const std::size_t bytes = block_end(commit.bytes.size());
  if (key != codec_->key_id() || offset_ + bytes > end_) {
    return add_segment(commit.begin, bytes, key);
  }
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
  return ok_status();
}

Status SegmentWriter::read(Lsn from, const Log::Visitor& visit, const Log::Progress& progress) {
  const std::size_t begin = first_with(from);
  std::uint64_t done = 0;
  std::uint64_t told = 0;
  STATOR_TRY(const std::uint64_t total, bytes_from(begin));
  ByteBuffer buffer;
  const auto tell = [&](std::uint64_t now) {
    if (!progress || now - told < kProgressBytes) return;
    told = now;
    progress(now, total);
  };
  const auto visit_batch = [&](BatchReader& batch, std::size_t offset) -> Status {
    RecordView record;
    Lsn lsn;
    while (batch.next(record, lsn)) {
      if (lsn >= from) STATOR_CHECK(visit(record, lsn, batch.seal().time_ms));
    }
    tell(done + offset);
    return ok_status();
  };
  for (std::size_t i = begin; i < segments_.size(); ++i) {
    const bool is_last = i + 1 == segments_.size();
    STATOR_CHECK(io::read_file_into(files_, segments_[i].path, buffer));
    STATOR_TRY(SegmentReader reader,
               SegmentReader::open(buffer.view(), segments_[i].path, options_.keys));
    LogPosition position = reader.begin();
    STATOR_TRY(const SegmentEnd end, reader.walk(position, visit_batch));
    // It was verified when it was opened.
    if (!end.is_clean || (!is_last && position.next != segments_[i + 1].first)) {
      return Error(ErrorCode::kCorrupted, "the log cannot be read back: segment " +
                                              segments_[i].path + ", offset " +
                                              std::to_string(end.offset) + ": " + end.reason);
    }
    done += buffer.size();
  }
  if (progress) progress(total, total);
  return ok_status();
}

std::size_t SegmentWriter::first_with(Lsn from) const {
  std::size_t index = 0;
  while (index + 1 < segments_.size() && segments_[index + 1].first <= from) ++index;
  return index;
}

Result<std::uint64_t> SegmentWriter::bytes_from(std::size_t index) {
  std::uint64_t total = offset_;  // of the last one; zeros follow
  for (; index + 1 < segments_.size(); ++index) {
    STATOR_TRY(const std::unique_ptr<io::File> file, files_.open(segments_[index].path));
    STATOR_TRY(const std::uint64_t size, file->size());
    total += size;
  }
  return total;
}

// What a file held stays in it behind its new commits: where the log is, or may become, encrypted,
// that must be no plain text.
bool SegmentWriter::may_keep(const std::string& path) {
  if (options_.keys == nullptr || options_.keys->path().empty()) return true;
  auto file = files_.open(path);
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
    const std::string& path = segments_.front().path;
    Status removed = maker_.take_over(path, may_keep(path));
    if (!removed.ok()) {
      log::warn("a segment of the log cannot be removed: " + removed.error().sentence());
      return;
    }
    segments_.erase(segments_.begin());
  }
}

class LocalLog final : public Log {
 public:
  LocalLog(std::unique_ptr<SegmentWriter> segments, const LogPosition& position, std::uint64_t torn_bytes);
  ~LocalLog() override { close(); }

  Result<Lsn> append(BatchBuilder& batch, std::uint64_t time_ms) override;
  void flush() override;
  Lsn durable() const override { return Lsn{durable_.load(std::memory_order_acquire)}; }
  std::uint64_t torn_bytes() const override { return torn_bytes_; }
  Lsn last() const override { return Lsn{last_.load(std::memory_order_acquire)}; }
  Status health() const override;
  void set_listener(std::function<void()> listener) override { listener_ = std::move(listener); }
  Status read(Lsn from, const Visitor& visit) override { return segments_->read(from, visit, {}); }
  Status read_with_progress(Lsn from, const Visitor& visit, const Progress& progress) override {
    return segments_->read(from, visit, progress);
  }
  void trim(Lsn to) override;
  void close() override;

 private:
  Status check_open() const;
  void wake_writer();
  void run();
  // False when the log has failed.
  bool commit(Commit& commit);
  // Waits for space or for the end; false at the end.
  bool wait_for_space(const std::string& reason);
  void set_disk_full(bool is_full);
  void fail(Status status);
  void notify() const {
    if (listener_) listener_();
  }

  const std::unique_ptr<SegmentWriter> segments_;  // the writer's, once it runs
  const std::uint64_t torn_bytes_;
  std::function<void()> listener_;
  std::atomic<std::uint64_t> durable_;  // release by the writer, acquire by lanes
  std::atomic<std::uint64_t> last_;
  std::atomic<bool> is_flush_due_{false};  // something was appended since the last flush()

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  Commit staged_;
  LogPosition position_;  // of the next batch
  Lsn trim_to_;
  bool is_writer_asleep_ = false;
  bool is_flushed_ = false;  // the writer is to take what is staged
  bool is_closing_ = false;
  bool is_disk_full_ = false;
  Status failure_;

  io::Thread writer_;  // last: it uses all of the above
};

LocalLog::LocalLog(std::unique_ptr<SegmentWriter> segments, const LogPosition& position, std::uint64_t torn_bytes)
    : segments_(std::move(segments)),
      torn_bytes_(torn_bytes),
      durable_(position.next.value() - 1),
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

Result<Lsn> LocalLog::append(BatchBuilder& batch, std::uint64_t time_ms) {
  STATOR_ASSERT(batch.count() > 0);
  const std::lock_guard lock(mutex_);
  STATOR_CHECK(check_open());
  if (staged_.empty()) {
    staged_.begin = position_;
    staged_.bytes.resize(kCommitHeaderBytes);
  }
  const Lsn first = position_.next;
  // The batches of one commit follow on a finished commit: all before its begin is durable then.
  position_.chain = BatchSealer::seal(batch, {.group = 0,
                                              .epoch = 0,
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

void LocalLog::flush() {
  if (!is_flush_due_.load(std::memory_order_acquire)) return;
  bool is_asleep = false;
  {
    const std::lock_guard lock(mutex_);
    is_flush_due_.store(false, std::memory_order_relaxed);
    is_flushed_ = !staged_.empty();
    is_asleep = is_writer_asleep_;
  }
  // Without the lock, so that the writer does not wake up to wait for it.
  if (is_asleep) wake_.notify_one();
}

// Under the lock: a writer that is not asleep looks at the staged commit before it sleeps.
void LocalLog::wake_writer() {
  if (is_writer_asleep_) wake_.notify_one();
}

Status LocalLog::health() const {
  const std::lock_guard lock(mutex_);
  if (failure_.ok() && is_disk_full_)
    return Error(ErrorCode::kDiskFull, "the disk of the log is full");
  return failure_;
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

void LocalLog::run() {
  Commit taken;
  Lsn trimmed;
  for (;;) {
    Lsn trim_to;
    {
      std::unique_lock lock(mutex_);
      is_writer_asleep_ = true;
      wake_.wait(lock, [&] { return is_flushed_ || is_closing_ || trim_to_ > trimmed; });
      is_writer_asleep_ = false;
      is_flushed_ = false;
      std::swap(taken, staged_);
      trim_to = trim_to_;
      if (taken.empty() && trim_to == trimmed) return;  // closing, and all is done
    }
    if (!taken.empty() && !commit(taken)) return;
    if (trim_to > trimmed) segments_->trim(trim_to, durable());
    trimmed = trim_to;
    taken.bytes.clear();
    taken.bytes.keep_at_most(kKeptBufferBytes);
  }
}

bool LocalLog::commit(Commit& commit) {
  Status written = segments_->write(commit);
  while (!written.ok() && written.error().code() == ErrorCode::kDiskFull) {
    set_disk_full(true);
    if (!wait_for_space(written.error().sentence())) break;
    written = segments_->write(commit);
  }
  if (!written.ok()) {
    fail(std::move(written));
    return false;
  }
  set_disk_full(false);
  durable_.store(commit.last.value(), std::memory_order_release);
  notify();
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
  return std::unique_ptr<Log>(std::make_unique<LocalLog>(std::move(segments), position, torn_bytes));
}

}  // namespace stator::wal
