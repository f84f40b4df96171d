// A commit on the thread of a lane instead of the writer's.
#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/thread.h"
#include "unit/kernel/wal/log_fixture.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;

class CommitHereTest : public testing::Test {
 protected:
  io::FaultyFileSystem files_;
};

TEST_F(CommitHereTest, IsDurableWhenItReturnsAndTellsNobodyElse) {
  {
    const auto log = open_small_log(files_).take();
    std::atomic<int> told{0};
    log->set_listener([&] { ++told; });
    EXPECT_FALSE(log->commit_here());  // there is nothing to write
    BatchBuilder batch = batch_of({"a", "b"});
    ASSERT_TRUE(log->append(batch, 1).ok());
    EXPECT_TRUE(log->commit_here());
    EXPECT_EQ(log->durable(), Lsn{2});
    EXPECT_EQ(told.load(), 0);
    EXPECT_FALSE(log->commit_here());
    files_.crash(1);  // now, not after the log was closed
  }
  const auto log = open_small_log(files_).take();
  EXPECT_THAT(read_all(*log).value(), ElementsAre("a", "b"));
}

TEST_F(CommitHereTest, LeavesANewSegmentToTheWriter) {
  const auto log = open_small_log(files_, kSmallSegment).take();
  LogWaiter waiter(*log);
  BatchBuilder batch = batch_of({"first"});
  ASSERT_TRUE(log->append(batch, 1).ok());
  ASSERT_TRUE(log->commit_here());
  batch = batch_of({std::string(5000, 'x')});
  const Lsn second = log->append(batch, 1).value();
  EXPECT_FALSE(log->commit_here());
  EXPECT_TRUE(waiter.wait_durable(second));
}

TEST_F(CommitHereTest, LeavesANewKeyToTheWriter) {
  KeyRing keys;
  activate(keys, 1);
  const auto key_of = [this](Lsn first) {
    const std::string path = std::string(kDirectory) + "/" + segment_name(first);
    return read_segment_header(files_.content(path)).value().key;
  };
  {
    const auto log = open_small_log(files_, kLargeSegment, 1, &keys).take();
    LogWaiter waiter(*log);
    BatchBuilder batch = batch_of({"first"});
    ASSERT_TRUE(log->append(batch, 1).ok());
    ASSERT_TRUE(log->commit_here());
    activate(keys, 2);
    batch = batch_of({"second"});
    const Lsn second = log->append(batch, 1).value();
    EXPECT_FALSE(log->commit_here());
    ASSERT_TRUE(waiter.wait_durable(second));
    // The segment has the key now; the writer may still be busy with the commit before.
    bool is_here = false;
    for (int tries = 0; !is_here && tries < 10'000; ++tries) {
      batch = batch_of({"third"});
      const Lsn third = log->append(batch, 1).value();
      is_here = log->commit_here();
      ASSERT_TRUE(waiter.wait_durable(third));
    }
    EXPECT_TRUE(is_here);
  }
  EXPECT_EQ(key_of(Lsn{1}), KeyId{1});
  EXPECT_EQ(key_of(Lsn{2}), KeyId{2});
  const auto log = open_small_log(files_, kLargeSegment, 1, &keys).take();
  std::vector<std::string> payloads = read_all(*log).value();
  ASSERT_GE(payloads.size(), 3u);
  payloads.resize(3);
  EXPECT_THAT(payloads, ElementsAre("first", "second", "third"));
}

TEST_F(CommitHereTest, AFailureStopsTheLogForEver) {
  const auto log = open_small_log(files_).take();
  files_.fail_write(1, ErrorCode::kStorage);
  BatchBuilder batch = batch_of({"lost"});
  ASSERT_TRUE(log->append(batch, 1).ok());
  EXPECT_FALSE(log->commit_here());
  EXPECT_EQ(log->durable(), Lsn{0});
  EXPECT_EQ(log->health().error().code(), ErrorCode::kWal);
  batch = batch_of({"refused"});
  EXPECT_EQ(log->append(batch, 1).error().code(), ErrorCode::kWal);
  log->close();
}

// The writer that is woken meanwhile finds the log taken, and sleeps on.
TEST_F(CommitHereTest, WhatTheWriterIsAskedForMeanwhileIsDone) {
  BatchBuilder batch;
  {
    const auto log = open_small_log(files_, kLargeSegment).take();
    LogWaiter waiter(*log);
    for (int i = 0; i < 16; ++i) {  // one more than a segment has room for
      batch = batch_of({"history"});
      ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
    }
  }
  // The writer of a log that was just opened is not busy with the end of a commit.
  const auto log = open_small_log(files_, kLargeSegment).take();
  log->allow_trim(log->durable());
  batch = batch_of({"here"});
  ASSERT_TRUE(log->append(batch, 1).ok());
  files_.hold_call(1);
  bool is_here = false;
  io::Thread lane("lane", [&] { is_here = log->commit_here(); });
  while (!files_.is_holding()) std::this_thread::yield();
  log->want_space();
  for (int i = 0; i < 10'000; ++i) std::this_thread::yield();
  files_.release();
  lane.join();
  ASSERT_TRUE(is_here);
  while (log->oldest() == Lsn{1}) std::this_thread::yield();
}

TEST_F(CommitHereTest, BesideTheWriterLosesNothingAndKeepsTheOrder) {
  constexpr int kThreads = 3;
  constexpr int kBatches = 300;
  {
    const auto log = open_small_log(files_, 16 * 1024).take();
    std::vector<io::Thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back("lane", [&, t] {
        for (int i = 0; i < kBatches; ++i) {
          BatchBuilder batch = batch_of({std::to_string(t) + ":" + std::to_string(i)});
          const Lsn lsn = log->append(batch, 1).value();
          if (t == 0) {
            log->flush();
            continue;
          }
          if (log->commit_here()) {
            EXPECT_GE(log->durable(), lsn);
          }
          if (i % 50 == 0) log->trim(log->durable());
        }
      });
    }
    for (io::Thread& thread : threads) thread.join();
    log->close();
    EXPECT_EQ(log->durable(), Lsn{kThreads * kBatches});
  }
  const auto log = open_small_log(files_, 16 * 1024, kThreads * kBatches).take();
  EXPECT_EQ(read_all(*log, Lsn{kThreads * kBatches}).value().size(), 1u);
}

}  // namespace
}  // namespace stator::wal
