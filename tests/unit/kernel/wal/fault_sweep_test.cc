// Every call that the log makes, from opening over commits, new segments and trims to its end, goes
// wrong in turn: with an error, half done, or late. What is there afterwards is compared with a
// model. (A power cut at every change: PowerLossTest in damage_test.cc.)
#include <algorithm>
#include <iterator>
#include <thread>

#include <gtest/gtest.h>

#include "unit/kernel/wal/log_fixture.h"

namespace stator::wal {
namespace {

// Calls that the log does not make while it runs. Whoever begins to use one takes it out.
constexpr io::Point kUnused[] = {io::Point::kTruncate, io::Point::kSync, io::Point::kLock};

bool is_unused(io::Point point) {
  return std::find(std::begin(kUnused), std::end(kUnused), point) != std::end(kUnused);
}

struct Model {
  std::vector<std::string> appended;
  std::size_t acknowledged = 0;
  std::size_t trimmed = 0;
};

// Opens, commits, goes over segments, trims, goes on in files that were trimmed, and opens once more
// in the middle. Goes on behind errors, as a server does: a full disk heals.
void run(io::FaultyFileSystem& files, const KeyRing& keys, Model& model) {
  for (int life = 0; life < 2; ++life) {
    auto opened = open_small_log(files, kSmallSegment, model.trimmed + 1, &keys);
    if (!opened.ok()) continue;
    const auto log = opened.take();
    EXPECT_GE(log->last().value(), model.acknowledged);
    // What was not acknowledged may have been written all the same.
    model.appended.resize(log->last().value());
    model.acknowledged = log->durable().value();
    LogWaiter waiter(*log);
    for (int i = 0; i < 6; ++i) {
      const std::string payload =
          std::to_string(life) +
          std::string(200 + 500 * static_cast<std::size_t>(i % 4), static_cast<char>('a' + i));
      BatchBuilder batch = batch_of({payload});
      if (!log->append(batch, 1).ok()) break;
      model.appended.push_back(payload);
      if (!waiter.wait_durable(log->last())) break;
      model.acknowledged = log->durable().value();
      if (i == 2 || i == 4) log->trim(Lsn{model.trimmed = model.acknowledged - 1});
    }
    log->close();
    model.acknowledged = log->durable().value();
  }
}

void expect_model(io::FaultyFileSystem& files, const KeyRing& keys, const Model& model,
                  const std::string& where) {
  auto log = open_small_log(files, kSmallSegment, model.trimmed + 1, &keys);
  ASSERT_TRUE(log.ok()) << where << ": " << log.error().sentence();
  const auto found = read_all(*log.value(), Lsn{model.trimmed + 1}).value();
  const std::size_t end = model.trimmed + found.size();
  ASSERT_GE(end, model.acknowledged) << where;
  ASSERT_LE(end, model.appended.size()) << where;
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(found[i], model.appended[model.trimmed + i]) << where;
}

// Plain and encrypted.
class FaultSweepTest : public testing::TestWithParam<bool> {
 protected:
  FaultSweepTest() {
    if (GetParam()) activate(keys_, 1);
  }
  KeyRing keys_;
};

TEST_P(FaultSweepTest, ReachesEveryCallOfTheSeam) {
  io::FaultyFileSystem files;
  Model model;
  run(files, keys_, model);
  ASSERT_EQ(model.acknowledged, 12u);
  for (const io::PointInfo& point : io::kPoints) {
    EXPECT_EQ(files.calls(point.point) == 0, is_unused(point.point)) << point.name;
  }
}

TEST_P(FaultSweepTest, AnErrorAtAnyCallLosesNothing) {
  io::FaultyFileSystem counting;
  Model all;
  run(counting, keys_, all);
  for (const ErrorCode code : {ErrorCode::kStorage, ErrorCode::kDiskFull}) {
    for (std::uint64_t call = 1; call <= counting.calls(); ++call) {
      // A full disk is tried again after a while: that takes its time.
      for (std::uint32_t crash = 0; crash < (code == ErrorCode::kDiskFull ? 1u : 4u); ++crash) {
        io::FaultyFileSystem files;
        files.fail_call(call, code);
        Model model;
        run(files, keys_, model);
        // Not reached, perhaps: a new segment takes other calls when a trim came before it.
        files.fail_call(0, code);
        if (crash > 0) files.crash(crash);
        expect_model(files, keys_, model, "call " + std::to_string(call));
        ASSERT_FALSE(HasFailure());
      }
    }
  }
}

TEST_P(FaultSweepTest, AHalfDoneWriteOrAFailedSyncLosesNothing) {
  for (const bool is_sync : {false, true}) {
    for (std::uint64_t nth = 1; nth <= 40; ++nth) {
      for (std::uint32_t crash = 0; crash < 4; ++crash) {
        io::FaultyFileSystem files;
        is_sync ? files.fail_sync(nth, ErrorCode::kStorage)
                : files.fail_write(nth, ErrorCode::kStorage);
        Model model;
        run(files, keys_, model);
        if (crash > 0) files.crash(crash);
        expect_model(files, keys_, model, (is_sync ? "sync " : "write ") + std::to_string(nth));
        ASSERT_FALSE(HasFailure());
      }
    }
  }
}

// While a call hangs appends go on, nothing is acknowledged, and afterwards all of it is.
TEST_P(FaultSweepTest, ALateCallDelaysAndLosesNothing) {
  std::size_t held = 0;
  for (std::uint64_t call = 1; call <= 40; ++call) {
    io::FaultyFileSystem files;
    std::vector<std::string> appended;
    {
      const auto log = open_small_log(files, kSmallSegment, 1, &keys_).take();
      files.hold_call(call);
      for (int i = 0; i < 8; ++i) {
        appended.push_back(
            std::string(300 + 600 * static_cast<std::size_t>(i % 3), static_cast<char>('a' + i)));
        BatchBuilder batch = batch_of({appended.back()});
        ASSERT_TRUE(log->append(batch, 1).ok());
        log->flush();
        while (log->durable() < log->last() && !files.is_holding()) std::this_thread::yield();
        if (!files.is_holding()) continue;
        if (log->durable() == log->last()) {  // the call came behind the commit
          files.release();
          continue;
        }
        ++held;
        const Lsn before = log->durable();
        appended.push_back("late");
        batch = batch_of({appended.back()});
        ASSERT_TRUE(log->append(batch, 1).ok());
        log->flush();
        EXPECT_EQ(log->durable(), before) << "call " << call;
        files.release();
      }
      files.release();
      log->close();
      ASSERT_EQ(log->durable(), log->last());
    }
    files.crash(static_cast<std::uint32_t>(call));
    const auto log = open_small_log(files, kSmallSegment, 1, &keys_).take();
    ASSERT_EQ(read_all(*log).value(), appended) << "call " << call;
  }
  EXPECT_GT(held, 10u);
}

INSTANTIATE_TEST_SUITE_P(Logs, FaultSweepTest, testing::Bool(), [](const auto& param) {
  return std::string(param.param ? "Encrypted" : "Plain");
});

}  // namespace
}  // namespace stator::wal
