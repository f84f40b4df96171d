// Requests for a checkpoint, against a core without engines and a store that the test plays.
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "data/core/core_loop.h"
#include "wal/sim_log.h"

namespace stator::core {
namespace {

using bridge::CoreOp;
using bridge::Task;
using bridge::TaskKind;

class ManualClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override { return now_ns; }
  std::uint64_t wall_ms() override { return 1; }
  std::uint64_t now_ns = 1'000'000'000;
};

// Its checkpoints end when the test says so.
class PlayedStore final : public store::Store {
 public:
  Lsn applied() const override { return applied_lsn; }
  void begin_turn() override {}
  void end_turn() override {}
  bool get(ByteView, store::Entry&) override { return false; }
  void fetch(std::span<const ByteView>, std::span<store::Entry>) override {}
  std::uint64_t prefetch(ByteView) const override { return 0; }
  void prefetch_value(std::uint64_t) const override {}
  std::unique_ptr<store::Walk> walk(const store::WalkOptions&) override { return nullptr; }
  std::unique_ptr<store::Snapshot> snapshot() override { return nullptr; }
  void put(ByteView, VShardId, ByteView) override {}
  void overwrite(ByteView, VShardId, ByteView) override {}
  void erase(ByteView) override {}
  bool wants_checkpoint() const override { return is_wanted; }
  bool start_checkpoint(Lsn up_to) override {
    if (is_running) return false;
    is_running = true;
    started.push_back(up_to.value());
    return true;
  }
  Status finish_checkpoint() override {
    if (!is_ended) return ok_status();
    is_running = is_ended = false;
    if (is_failing) return Error(failure, "no room");
    applied_lsn = Lsn{started.back()};
    return ok_status();
  }
  bool checkpoint_running() const override { return is_running; }
  Status wait_checkpoint() override {
    is_ended = true;
    return finish_checkpoint();
  }
  std::size_t memtable_bytes() const override { return 0; }
  void forget_memory() override {}
  Status copy(const std::function<Status(ByteView)>&) override { return ok_status(); }

  Lsn applied_lsn{0};
  bool is_running = false;
  bool is_ended = false;
  bool is_failing = false;
  ErrorCode failure = ErrorCode::kDiskFull;
  bool is_wanted = false;
  std::vector<std::uint64_t> started;
};

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    CoreOptions options;
    options.catalog = &catalog_;
    options.log = &log_;
    options.store = &store_;
    options.clock = &clock_;
    options.on_applied = [this](LaneId, Lsn lsn) { told_.push_back(lsn.value()); };
    core_ = std::make_unique<CoreLoop>(options);
  }
  // Something durable, of whatever lane.
  void write() {
    wal::BatchBuilder batch;
    ASSERT_TRUE(batch.add({EngineNumber{1}, 1, TenantId{1}, VShardId{1}, "c", "p"}).ok());
    ASSERT_TRUE(log_.append(batch, 1).ok());
    log_.commit();
  }
  Task* ask(std::uint64_t deadline_ns = 9'000'000'000) {
    Task* task = pool_.take();
    task->core_op = CoreOp::kCheckpoint;
    task->deadline_ns = deadline_ns;
    submitted_.push_back(task);
    return task;
  }
  std::vector<Task*> turn() {
    std::vector<Task*> answered;
    core_->run(submitted_, answered);
    return answered;
  }
  void end_checkpoint() { store_.is_ended = true; }

  plugin::Catalog catalog_;
  wal::SimLog log_;
  PlayedStore store_;
  ManualClock clock_;
  bridge::TaskPool pool_;
  std::vector<Task*> submitted_;
  std::vector<std::uint64_t> told_;
  std::unique_ptr<CoreLoop> core_;
};

TEST_F(CheckpointTest, BeginsInTheTurnOfTheRequestAndIsAnsweredWhenItIsDone) {
  write();
  Task* task = ask();
  EXPECT_TRUE(turn().empty());
  EXPECT_EQ(store_.started, std::vector<std::uint64_t>{1});
  EXPECT_TRUE(core_->is_checkpointing());
  EXPECT_EQ(core_->waiting(), 1u);
  EXPECT_TRUE(turn().empty()) << "it still runs";
  end_checkpoint();
  EXPECT_EQ(turn(), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kOk);
  EXPECT_EQ(task->payload.view(), "1");
  EXPECT_FALSE(core_->is_checkpointing());
  EXPECT_EQ(core_->waiting(), 0u);
  EXPECT_EQ(told_, std::vector<std::uint64_t>{1});
}

TEST_F(CheckpointTest, WithNothingNewItIsAnsweredAtOnce) {
  write();
  store_.applied_lsn = Lsn{1};
  Task* task = ask();
  EXPECT_EQ(turn(), std::vector<Task*>{task});
  EXPECT_TRUE(store_.started.empty());
}

TEST_F(CheckpointTest, TwoAtOnceShareOne) {
  write();
  ask();
  ask();
  turn();
  end_checkpoint();
  EXPECT_EQ(turn().size(), 2u);
  EXPECT_EQ(store_.started.size(), 1u);
}

TEST_F(CheckpointTest, OneThatBeganBeforeIsNotEnough) {
  write();
  ask();
  turn();
  write();
  Task* late = ask();
  turn();
  end_checkpoint();
  EXPECT_EQ(turn().size(), 1u);
  EXPECT_EQ(store_.started, (std::vector<std::uint64_t>{1, 2}));
  end_checkpoint();
  EXPECT_EQ(turn(), std::vector<Task*>{late});
  EXPECT_EQ(late->payload.view(), "2");
}

TEST_F(CheckpointTest, AFailureIsATypedErrorAndTheNextRequestTriesAgain) {
  write();
  store_.is_failing = true;
  Task* task = ask();
  turn();
  end_checkpoint();
  EXPECT_EQ(turn(), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kDiskFull);
  EXPECT_EQ(log_.space_wanted(), 1) << "the disk is full: the log may have what nobody needs";
  store_.is_failing = false;
  Task* again = ask();
  turn();
  EXPECT_EQ(store_.started.size(), 2u) << "somebody asks: it does not wait for the retry's time";
  end_checkpoint();
  EXPECT_EQ(turn(), std::vector<Task*>{again});
  EXPECT_EQ(again->code, ErrorCode::kOk);
}

// Soon, because the log has made room that it will need itself; less often where that does not
// help.
TEST_F(CheckpointTest, OneThatFailsIsTriedAgainSoonAndThenLessOften) {
  write();
  store_.is_wanted = store_.is_failing = true;
  const auto attempts_in = [&](int ms) {
    const std::size_t before = store_.started.size();
    for (int i = 0; i < ms; ++i) {
      clock_.now_ns += 1'000'000;
      turn();
      end_checkpoint();
    }
    return store_.started.size() - before;
  };
  EXPECT_GE(attempts_in(60), 3u);
  attempts_in(2000);
  EXPECT_LE(attempts_in(10'000), 10u);
  store_.is_failing = false;
  attempts_in(1100);
  store_.is_failing = true;
  attempts_in(2);
  EXPECT_GE(attempts_in(60), 2u) << "one that was good begins anew";
}

// Nobody asks again, and no memtable wants it.
TEST_F(CheckpointTest, OneThatFailedIsOwed) {
  write();
  store_.is_failing = true;
  ask();
  turn();
  EXPECT_EQ(core_->next_deadline_ns(), 9'000'000'000u) << "the request's";
  end_checkpoint();
  turn();
  EXPECT_TRUE(core_->has_checkpoint_failed());
  const std::uint64_t next = core_->next_deadline_ns();
  EXPECT_GT(next, clock_.now_ns);
  clock_.now_ns = next - 1;
  turn();
  EXPECT_EQ(store_.started.size(), 1u);
  clock_.now_ns = next;
  turn();
  EXPECT_EQ(store_.started.size(), 2u);
  EXPECT_EQ(core_->next_deadline_ns(), 0u) << "its end wakes the lane";
  store_.is_failing = false;
  end_checkpoint();
  turn();
  EXPECT_FALSE(core_->has_checkpoint_failed());
  EXPECT_EQ(core_->next_deadline_ns(), 0u);
}

// Of a stop, or before a vShard moves: the lane waits for it.
TEST_F(CheckpointTest, OneThatIsWaitedForIsOwedToo) {
  write();
  store_.is_failing = true;
  EXPECT_EQ(core_->checkpoint().error().code(), ErrorCode::kDiskFull);
  EXPECT_TRUE(core_->has_checkpoint_failed());
  EXPECT_FALSE(core_->is_checkpointing());
  store_.is_failing = false;
  EXPECT_TRUE(core_->checkpoint().ok());
  EXPECT_FALSE(core_->has_checkpoint_failed());
  EXPECT_EQ(told_, std::vector<std::uint64_t>{1});
}

TEST_F(CheckpointTest, WhatABackupKeepsWaitingHasNotFailed) {
  write();
  store_.is_failing = true;
  store_.failure = ErrorCode::kBusy;
  Task* task = ask();
  turn();
  end_checkpoint();
  EXPECT_EQ(turn(), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kBusy);
  EXPECT_FALSE(core_->has_checkpoint_failed());
}

TEST_F(CheckpointTest, ADeadlineEndsTheWaitingAlone) {
  write();
  Task* task = ask(2'000'000'000);
  turn();
  EXPECT_EQ(core_->next_deadline_ns(), 2'000'000'000u);
  clock_.now_ns = 2'000'000'000;
  EXPECT_EQ(turn(), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(core_->is_checkpointing());
  end_checkpoint();
  EXPECT_TRUE(turn().empty());
  EXPECT_EQ(store_.applied_lsn, Lsn{1});
}

TEST_F(CheckpointTest, TheLaneThatIsFurthestBehindIsTheAnswer) {
  Task* task = ask();
  task->kind = TaskKind::kMerge;
  task->parts = {"17", "9", "20"};
  EXPECT_EQ(turn(), std::vector<Task*>{task});
  EXPECT_EQ(task->payload.view(), R"({"lsn":9})");
}

}  // namespace
}  // namespace stator::core
