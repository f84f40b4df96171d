// The log in memory, for tests: what is durable is what the test says, and a crash forgets the
// rest. Batches are sealed and read back as in a file.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "wal/log.h"

namespace stator::wal {

// A log whose disk and power are the test's.
class SimulatedLog : public Log {
 public:
  // Makes everything, or at least the batches that end at or before `to`, durable.
  virtual void commit() = 0;
  virtual void make_durable(Lsn to) = 0;
  // Power cut: what is not durable is gone, failures are over, the log can be read and appended to.
  virtual void crash() = 0;
  // A clean stop and a start: the log can be read again.
  virtual void reopen() = 0;
};

// Any thread. The listener is called on the thread that commits or sets the failure.
class SimLog final : public SimulatedLog {
 public:
  Result<Lsn> append(BatchBuilder& batch, std::uint64_t time_ms, std::uint32_t epoch = 0) override;
  Result<Lsn> seal(std::uint32_t epoch, std::uint64_t time_ms) override;
  std::uint32_t epoch() const override;
  void flush() override {}  // the test commits
  Lsn durable() const override;
  Lsn last() const override;
  Status health() const override;
  void set_listener(std::function<void()> listener) override;
  std::unique_ptr<LogReader> reader(Lsn from) override;
  Lsn oldest() const override;
  // Each batch is a part, and the end of the log is the last one.
  std::vector<LogPart> parts() const override;
  void trim(Lsn to) override;
  void allow_trim(Lsn to) override;
  void want_space() override { ++space_wanted_; }
  Status discard_to(Lsn to) override;
  // Commits, as a real log does before it stops.
  void close() override { commit(); }

  void commit() override;
  // No batch but those that end at or before `to`.
  void make_durable(Lsn to) override;
  void crash() override;
  void reopen() override { commit(); }
  // As far as allow_trim() said; this disk never needs it.
  Lsn allowed_trim() const;
  // How often want_space() was called.
  int space_wanted() const { return space_wanted_; }
  // From now on append fails with this code (kOk: no more) and commits do nothing.
  void set_failure(ErrorCode code);

 private:
  class Reader;
  struct Batch {
    std::string bytes;
    Lsn last;
    std::uint64_t chain;
    std::uint32_t epoch;
  };
  Lsn append_locked(BatchBuilder& batch, std::uint64_t time_ms);
  Status check_open() const;
  Lsn last_locked() const;

  std::atomic<int> space_wanted_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::function<void()> listener_;
  std::vector<Batch> batches_;
  Lsn begin_{0};  // the last LSN that was trimmed
  Lsn allowed_trim_{0};
  std::uint64_t begin_chain_ = 0;
  std::uint32_t begin_epoch_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint64_t generation_ = 0;  // of discards
  Lsn durable_;
  ErrorCode failure_ = ErrorCode::kOk;
};

}  // namespace stator::wal
