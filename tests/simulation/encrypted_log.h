// The real log on a disk that loses power, encrypted with keys that change, and turned off now and
// then: what the simulation sees of it is a SimulatedLog.
#pragma once

#include <memory>
#include <optional>
#include <random>

#include "unit/kernel/wal/log_fixture.h"
#include "wal/sim_log.h"

namespace stator::simulation {

// One thread, beside the log's own.
class EncryptedLog final : public wal::SimulatedLog {
 public:
  explicit EncryptedLog(unsigned seed) : random_(seed) {
    change_key();
    open();
  }

  Result<Lsn> append(wal::BatchBuilder& batch, std::uint64_t time_ms,
                     std::uint32_t epoch = 0) override {
    return log_->append(batch, time_ms, epoch);
  }
  Result<Lsn> seal(std::uint32_t epoch, std::uint64_t time_ms) override {
    return log_->seal(epoch, time_ms);
  }
  std::uint32_t epoch() const override { return log_->epoch(); }
  void flush() override {}  // the test commits
  Lsn durable() const override { return log_->durable(); }
  Lsn last() const override { return log_->last(); }
  Status health() const override { return log_->health(); }
  void set_listener(std::function<void()>) override {}
  std::unique_ptr<wal::LogReader> reader(Lsn from) override { return log_->reader(from); }
  Lsn oldest() const override { return log_->oldest(); }
  std::vector<wal::LogPart> parts() const override { return log_->parts(); }
  void trim(Lsn) override {}
  void allow_trim(Lsn) override {}
  void want_space() override {}
  Status discard_to(Lsn to) override { return log_->discard_to(to); }
  void close() override { commit(); }

  void commit() override {
    if (random_() % 16 == 0) change_key();
    const bool is_durable = waiter_->wait_durable(log_->last());
    STATOR_ASSERT(is_durable);
  }
  void make_durable(Lsn) override { commit(); }
  // In the middle of a commit, every other time.
  void crash() override {
    files_.lose_power_at(1);
    if (random_() % 2 == 0) {
      static_cast<void>(waiter_->wait_durable(log_->last()));
    }
    log_.reset();
    files_.crash(static_cast<std::uint32_t>(random_()));
    open();
  }
  void reopen() override {
    commit();
    open();
  }

  std::size_t key_changes() const { return key_changes_; }

 private:
  static constexpr std::size_t kSegmentBytes = 8 * io::kBlockBytes;

  void change_key() {
    wal::activate(keys_, random_() % 8 == 0 ? 0 : 1 + static_cast<unsigned>(random_() % 3));
    ++key_changes_;
  }
  void open() {
    log_.reset();
    log_ = wal::open_small_log(files_, kSegmentBytes, 1, &keys_).take();
    waiter_.emplace(*log_);
  }

  std::mt19937 random_;
  io::FaultyFileSystem files_;
  wal::KeyRing keys_;
  std::unique_ptr<wal::Log> log_;
  std::optional<wal::LogWaiter> waiter_;
  std::size_t key_changes_ = 0;
};

}  // namespace stator::simulation
