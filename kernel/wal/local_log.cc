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
#include "base/thread_role.h"
#include "io/semaphore.h"
#include "io/thread.h"
#include "wal/local_log_reader.h"
#include "wal/log_cut.h"
#include "wal/recovery.h"
#include "wal/segment_writer.h"

namespace stator::wal {
namespace {

// Time between two attempts to write while the disk is full.
constexpr std::chrono::milliseconds kDiskFullRetry{100};
// Bytes that may wait for the disk; beyond it writers are told to come back.
constexpr std::size_t kStagedBytesMax = 4 * kBatchBytesMax;
// A buffer that one large commit grew beyond this is given back.
constexpr std::size_t kKeptBufferBytes = 8u * 1024 * 1024;

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
  void allow_trim(Lsn to) override;
  void want_space() override;
  Status discard_to(Lsn to) override;
  void close() override;

 private:
  Status check_open() const;
  Lsn append_locked(BatchBuilder& batch, std::uint64_t time_ms);
  // While the writer does not run.
  Status reopen_at(Lsn to);
  // Under the lock.
  bool is_writer_due() const {
    return is_flushed_ || is_closing_ || is_space_wanted_ || trim_to_ > trimmed_ || !failure_.ok();
  }
  // Under the lock: whether the writer sleeps and is to be woken by the caller, without the lock.
  bool must_wake_writer() { return std::exchange(is_writer_asleep_, false); }
  void run() STATOR_ON(log_writer);
  // Until there is something to write or to trim, or the end, and nobody else writes.
  void sleep_until_due(std::unique_lock<std::mutex>& lock);
  // Under the lock: nobody writes, and what is staged can be written without a new segment.
  bool may_write_here() const;
  // Under the lock: begins to write what is staged.
  void begin_write();
  // Writes it. False when the log has failed.
  bool write() STATOR_ON(log_writer);
  void end_write();
  // Lets go of what readers alone would want. False: there is nothing.
  bool give_back() STATOR_ON(log_writer);
  // Waits for space or for the end; false at the end.
  bool wait_for_space(const std::string& reason) STATOR_ON(log_writer);
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

  io::Semaphore wake_;        // the writer sleeps here
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable closing_;
  Commit staged_;
  LogPosition position_;  // of the next batch
  Lsn trim_to_;
  Lsn allowed_trim_;
  Lsn trimmed_;  // as far as the writer has begun to
  bool is_writer_asleep_ = false;
  bool is_writing_ = false;  // somebody has segments_ and writing_
  bool is_flushed_ = false;  // the writer is to take what is staged
  bool is_space_wanted_ = false;  // the writer is to let go of a file
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
      writer_("wal", [this] {
        const ActsAs role(threads::log_writer);
        run();
      }) {}

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
    staged_.key = active_key(options_.keys);  // a change in the middle is the next commit's
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
    is_asleep = !is_writing_ && must_wake_writer();
  }
  // Without the lock, so that the writer does not wake up to wait for it.
  if (is_asleep) wake_.post();
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
  const ActsAs role(threads::log_writer);  // is_writing_ is set: the writer waits until it is not
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
    is_due = is_writer_due() && must_wake_writer();
  }
  if (is_due) wake_.post();
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
  if (must_wake_writer()) wake_.post();
}

void LocalLog::allow_trim(Lsn to) {
  const std::lock_guard lock(mutex_);
  allowed_trim_ = to;
}

void LocalLog::want_space() {
  const std::lock_guard lock(mutex_);
  is_space_wanted_ = true;
  if (must_wake_writer()) wake_.post();
}

void LocalLog::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
    if (must_wake_writer()) wake_.post();
    closing_.notify_all();
  }
  writer_.join();
}

Status LocalLog::discard_to(Lsn to) {
  close();  // what is staged is written first, so that there is one case less
  STATOR_CHECK(health());
  const CheckOptions whole{
      .directory = options_.directory, .oldest_needed = oldest().value(), .keys = options_.keys};
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
    const ActsAs role(threads::log_writer);  // it does not run
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
    trim_to_ = trimmed_ = allowed_trim_ = Lsn{};
    is_writing_ = false;  // the writer that ended had taken what there was
    is_flushed_ = false;
    is_closing_ = false;
  }
  writer_ = io::Thread("wal", [this] {
    const ActsAs role(threads::log_writer);
    run();
  });
  return ok_status();
}

void LocalLog::sleep_until_due(std::unique_lock<std::mutex>& lock) {
  while (is_writing_ || !is_writer_due()) {
    is_writer_asleep_ = true;
    lock.unlock();
    wake_.wait();
    lock.lock();
  }
  is_writer_asleep_ = false;
}

void LocalLog::run() {
  for (;;) {
    Lsn trim_to;
    bool is_space_wanted = false;
    {
      std::unique_lock lock(mutex_);
      sleep_until_due(lock);
      is_space_wanted = std::exchange(is_space_wanted_, false);
      if (!failure_.ok()) return;
      if (trim_to_ > trimmed_) trim_to = trimmed_ = trim_to_;
      begin_write();
      if (writing_.empty() && trim_to == Lsn{} && !is_space_wanted) return;  // closing, and all is done
    }
    if (is_space_wanted) give_back();
    const bool is_written = writing_.empty() || write();
    if (is_written && !writing_.empty()) notify();
    if (is_written && trim_to > Lsn{}) segments_->trim(trim_to, durable());
    end_write();
  }
}

bool LocalLog::write() {
  Status written = segments_->write(writing_);
  while (!written.ok() && written.error().code() == ErrorCode::kDiskFull) {
    const bool has_space = give_back();
    if (!has_space) set_disk_full(true);
    if (!has_space && !wait_for_space(written.error().sentence())) break;
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

bool LocalLog::give_back() {
  Lsn allowed;
  {
    const std::lock_guard lock(mutex_);
    allowed = std::min(allowed_trim_, durable());
  }
  return segments_->give_back(allowed);
}

bool LocalLog::wait_for_space(const std::string& reason) {
  std::unique_lock lock(mutex_);
  if (!closing_.wait_for(lock, kDiskFullRetry, [&] { return is_closing_; })) return true;
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
  const ActsAs role(threads::log_writer);  // it does not run yet
  STATOR_CHECK(segments->begin(std::move(recovered)));
  return std::unique_ptr<Log>(std::make_unique<LocalLog>(
      files, options, std::move(segments), position, torn_bytes));
}

}  // namespace stator::wal
