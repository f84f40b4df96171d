#include "wal/local_log.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "io/thread.h"
#include "unit/kernel/io/temp_directory.h"
#include "unit/kernel/wal/log_fixture.h"
#include "wal/segment.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LocalLogTest : public testing::Test {
 protected:
  std::string only_segment() { return path(files_.list(kDirectory).value().at(0)); }
  static std::string path(const std::string& name) { return std::string(kDirectory) + "/" + name; }

  // Without the files that are kept for later.
  std::vector<std::string> segments() {
    std::vector<std::string> names = files_.list(kDirectory).take();
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".wal"); });
    return names;
  }

  io::FaultyFileSystem files_;
};

TEST_F(LocalLogTest, GivesBackWhatWasAppendedAfterReopening) {
  write_commits(files_, {{"a", "b"}, {"c"}});
  const auto log = open_small_log(files_).take();
  EXPECT_EQ(log->last(), Lsn{3});
  EXPECT_EQ(log->durable(), Lsn{3});
  EXPECT_THAT(read_all(*log).value(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(read_all(*log, Lsn{2}).value(), ElementsAre("b", "c"));
  EXPECT_THAT(read_all(*log, Lsn{4}).value(), IsEmpty());
}

TEST_F(LocalLogTest, KeepsEveryFieldOfARecord) {
  {
    const auto log = open_small_log(files_).take();
    BatchBuilder batch = batch_of({"payload"});
    ASSERT_EQ(log->append(batch, 1234).value(), Lsn{1});
  }
  const auto log = open_small_log(files_).take();
  int seen = 0;
  ASSERT_TRUE(read_durable(*log, Lsn{1},
                        [&](const RecordView& record, Lsn lsn, std::uint64_t time_ms) {
                          ++seen;
                          EXPECT_EQ(record.engine, EngineNumber{7});
                          EXPECT_EQ(record.type, 3u);
                          EXPECT_EQ(record.tenant, TenantId{5});
                          EXPECT_EQ(record.vshard, VShardId{9});
                          EXPECT_EQ(record.collection, "c");
                          EXPECT_EQ(record.payload, "payload");
                          EXPECT_EQ(lsn, Lsn{1});
                          EXPECT_EQ(time_ms, 1234u);
                          return ok_status();
                        })
                  .ok());
  EXPECT_EQ(seen, 1);
}

TEST_F(LocalLogTest, GoesOnBehindTheLastRecordAfterReopening) {
  for (int round = 0; round < 5; ++round) write_commits(files_, {{std::to_string(round)}});
  const auto log = open_small_log(files_).take();
  EXPECT_THAT(read_all(*log).value(), ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_EQ(files_.list(kDirectory).value().size(), 1u);
}

TEST_F(LocalLogTest, StopsReadingAtTheVisitorsError) {
  write_commits(files_, {{"a", "b", "c"}});
  const auto log = open_small_log(files_).take();
  auto status = read_durable(*log, Lsn{1}, [](const RecordView&, Lsn lsn, std::uint64_t) {
    return lsn == Lsn{2} ? Status(Error(ErrorCode::kCancelled, "enough")) : ok_status();
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kCancelled);
}

TEST_F(LocalLogTest, RotatesSegmentsAndReadsAcrossThem) {
  std::vector<std::vector<std::string>> commits;
  std::vector<std::string> expected;
  for (char c = 'a'; c <= 'z'; ++c) {
    expected.push_back(std::string(700, c));
    commits.push_back({expected.back()});
  }
  write_commits(files_, commits, kSmallSegment);
  EXPECT_GE(files_.list(kDirectory).value().size(), 10u);
  const auto log = open_small_log(files_, kSmallSegment).take();
  EXPECT_EQ(read_all(*log).value(), expected);
  EXPECT_EQ(read_all(*log, Lsn{20}).value().front(), expected[19]);
}

TEST_F(LocalLogTest, GivesALargeCommitASegmentOfItsOwnSize) {
  const std::string large(100'000, 'L');
  write_commits(files_, {{large}, {"small"}, {large}, {"end"}}, kSmallSegment);
  const auto log = open_small_log(files_, kSmallSegment).take();
  EXPECT_THAT(read_all(*log).value(), ElementsAre(large, "small", large, "end"));
}

// What one turn of a lane appended must be one commit: on most disks two take twice the time.
TEST_F(LocalLogTest, MakesOneCommitOfWhatWasAppendedBeforeAFlush) {
  constexpr int kTurns = 3;
  const auto log = open_small_log(files_, 4 << 20).take();
  LogWaiter waiter(*log);
  const std::uint64_t before = files_.syncs();
  for (int turn = 0; turn < kTurns; ++turn) {
    for (int i = 0; i < 3000; ++i) {  // long enough for a writer to wake up meanwhile
      BatchBuilder batch = batch_of({"x"});
      ASSERT_TRUE(log->append(batch, 1).ok());
    }
    ASSERT_TRUE(waiter.wait_durable(log->last()));
  }
  EXPECT_EQ(files_.syncs() - before, static_cast<std::uint64_t>(kTurns));
}

TEST_F(LocalLogTest, SyncsOncePerCommitInsideASegment) {
  const auto log = open_small_log(files_, 1 << 20).take();
  LogWaiter waiter(*log);
  const std::uint64_t before = files_.syncs();
  for (int i = 0; i < 10; ++i) {
    BatchBuilder batch = batch_of({"x"});
    ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
  }
  EXPECT_EQ(files_.syncs() - before, 10u);
}

TEST_F(LocalLogTest, CloseMakesEverythingDurableAndEndsAppending) {
  const auto log = open_small_log(files_).take();
  for (int i = 0; i < 100; ++i) {
    BatchBuilder batch = batch_of({"x"});
    ASSERT_TRUE(log->append(batch, 1).ok());
  }
  log->close();
  log->close();
  EXPECT_EQ(log->durable(), Lsn{100});
  BatchBuilder batch = batch_of({"late"});
  EXPECT_EQ(log->append(batch, 1).error().code(), ErrorCode::kWal);
}

TEST_F(LocalLogTest, TrimsWholeSegmentsBelowAndStillKnowsWhereItStands) {
  const std::string big(1500, 'b');
  write_commits(files_, {{big}, {big}, {big}, {big}}, kSmallSegment);
  {
    const auto log = open_small_log(files_, kSmallSegment).take();
    log->trim(Lsn{3});
    log->close();
  }
  EXPECT_THAT(segments(), ElementsAre("00000000000000000003.wal", "00000000000000000004.wal"));
  {
    const auto log = open_small_log(files_, kSmallSegment, 3).take();
    EXPECT_EQ(log->last(), Lsn{4});
    EXPECT_EQ(read_all(*log, Lsn{3}).value().size(), 2u);
    log->trim(Lsn{100});
    log->close();
  }
  EXPECT_THAT(segments(), ElementsAre("00000000000000000004.wal"));
  EXPECT_EQ(open_small_log(files_, kSmallSegment, 5).take()->last(), Lsn{4});
}

// What such a file held before stays in it behind the new commits, and is never read.
TEST_F(LocalLogTest, ATrimmedSegmentBecomesALaterOne) {
  const auto commit = [](Log& log, LogWaiter& waiter, const std::string& payload) {
    BatchBuilder batch = batch_of({payload});
    EXPECT_TRUE(waiter.wait_durable(log.append(batch, 1).value()));
  };
  constexpr std::size_t kThreeCommits = 4 * io::kBlockBytes;
  {
    const auto log = open_small_log(files_, kThreeCommits).take();
    LogWaiter waiter(*log);
    std::uint64_t most = 0;
    for (int i = 0; i < 60; ++i) {
      commit(*log, waiter, "old " + std::to_string(i));
      if (i == 20) most = files_.used();
      log->trim(log->durable());
    }
    EXPECT_LE(files_.used(), most) << "it takes more and more space";
    log->close();
  }
  std::vector<std::string> names = files_.list(kDirectory).take();
  EXPECT_THAT(names, testing::Contains("kept-1.tmp"));
  const std::string last = files_.content(path(segments().back()));
  EXPECT_THAT(last, HasSubstr("old 5")) << "it is no file that was used before";
  const std::uint64_t first = first_lsn_of(segments().back())->value();
  {
    const auto log = open_small_log(files_, kThreeCommits, first).take();
    EXPECT_EQ(log->last(), Lsn{60});
    EXPECT_THAT(files_.list(kDirectory).value(), testing::Not(testing::Contains("kept-1.tmp")));
  }
}

TEST_F(LocalLogTest, RemovesWhatACrashLeftBesideTheSegments) {
  write_commits(files_, {{"a"}});
  const std::vector<std::string> names = {"kept-1.tmp", "kept-2.tmp",
                                          "00000000000000000001.wal.new"};
  for (const std::string& name : names) ASSERT_TRUE(files_.create(path(name)).ok());
  const auto log = open_small_log(files_).take();
  EXPECT_THAT(files_.list(kDirectory).value(), ElementsAre("00000000000000000001.wal"));
}

TEST_F(LocalLogTest, KeepsTwoFilesAtMostAndNoneOfAnotherSize) {
  const std::string large(20'000, 'L');
  const std::string big(1500, 'b');
  write_commits(files_, {{big}, {large}, {big}, {big}, {big}, {big}, {big}}, kSmallSegment);
  const auto log = open_small_log(files_, kSmallSegment).take();
  log->trim(Lsn{3});
  log->trim(Lsn{7});
  log->close();
  EXPECT_THAT(files_.list(kDirectory).value(),
              ElementsAre("00000000000000000007.wal", "kept-1.tmp", "kept-2.tmp"));
  EXPECT_EQ(files_.content(path("kept-1.tmp")).size(), kSmallSegment);
  EXPECT_EQ(files_.content(path("kept-2.tmp")).size(), kSmallSegment);
}

TEST_F(LocalLogTest, RefusesWhenNeededRecordsAreMissing) {
  const std::string big(1500, 'b');
  write_commits(files_, {{big}, {big}, {big}}, kSmallSegment);
  ASSERT_TRUE(files_.remove(path("00000000000000000001.wal")).ok());
  auto log = open_small_log(files_, kSmallSegment, 1);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code(), ErrorCode::kCorrupted);
  EXPECT_THAT(log.error().sentence(), HasSubstr("begins at LSN 2, but records from LSN 1 on"));
  EXPECT_TRUE(open_small_log(files_, kSmallSegment, 2).ok());
}

TEST_F(LocalLogTest, RefusesWhenTheStoresAreAheadOfIt) {
  write_commits(files_, {{"a"}});
  EXPECT_TRUE(open_small_log(files_, 4096, 2).ok());
  auto log = open_small_log(files_, 4096, 3);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code(), ErrorCode::kCorrupted);
  EXPECT_THAT(log.error().sentence(),
              HasSubstr("ends with LSN 1, but the stores hold records up to LSN 2"));
  io::FaultyFileSystem empty;
  EXPECT_FALSE(open_small_log(empty, kLargeSegment, 2).ok());
}

TEST_F(LocalLogTest, RefusesASegmentThatIsMissingInTheMiddle) {
  const std::string big(1500, 'b');
  write_commits(files_, {{big}, {big}, {big}}, kSmallSegment);
  ASSERT_TRUE(files_.remove(path("00000000000000000002.wal")).ok());
  auto log = open_small_log(files_, kSmallSegment);
  ASSERT_FALSE(log.ok());
  EXPECT_THAT(log.error().sentence(), HasSubstr("00000000000000000001.wal, offset"));
  EXPECT_THAT(log.error().sentence(), HasSubstr("the next segment begins at LSN 3"));
  EXPECT_THAT(log.error().sentence(), HasSubstr("the last good LSN is 1"));
}

TEST_F(LocalLogTest, IgnoresFilesThatAreNoSegments) {
  write_commits(files_, {{"a"}});
  ASSERT_TRUE(files_.create(path("notes.txt")).ok());
  ASSERT_TRUE(files_.create(path("1.wal")).ok());
  EXPECT_EQ(open_small_log(files_).take()->last(), Lsn{1});
}

TEST_F(LocalLogTest, FailedSyncStopsAcknowledgingForEver) {
  const auto log = open_small_log(files_).take();
  LogWaiter waiter(*log);
  BatchBuilder batch = batch_of({"good"});
  ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
  // Even "no space" is final when a sync says it: what the disk holds is unknown.
  files_.fail_sync(1, ErrorCode::kDiskFull);
  batch = batch_of({"bad"});
  EXPECT_FALSE(waiter.wait_durable(log->append(batch, 1).value()));
  EXPECT_EQ(log->durable(), Lsn{1});
  EXPECT_EQ(log->health().error().code(), ErrorCode::kWal);
  batch = batch_of({"later"});
  auto later = log->append(batch, 1);
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.error().code(), ErrorCode::kWal);
  EXPECT_THAT(later.error().sentence(), HasSubstr("the sync failed"));
  log->close();
  EXPECT_EQ(log->durable(), Lsn{1});
}

TEST_F(LocalLogTest, FailedWriteStopsAcknowledgingForEver) {
  const auto log = open_small_log(files_).take();
  LogWaiter waiter(*log);
  files_.fail_write(1, ErrorCode::kStorage);
  BatchBuilder batch = batch_of({std::string(1000, 'x')});
  EXPECT_FALSE(waiter.wait_durable(log->append(batch, 1).value()));
  EXPECT_EQ(log->durable(), Lsn{0});
  EXPECT_EQ(log->append(batch, 1).error().code(), ErrorCode::kWal);
}

TEST_F(LocalLogTest, HalfOfAFailedWriteIsNotServedAfterReopening) {
  {
    const auto log = open_small_log(files_).take();
    LogWaiter waiter(*log);
    BatchBuilder batch = batch_of({"good"});
    ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
    files_.fail_write(1, ErrorCode::kStorage);
    batch = batch_of({std::string(3000, 'x')});
    ASSERT_FALSE(waiter.wait_durable(log->append(batch, 1).value()));
  }
  const auto log = open_small_log(files_).take();
  EXPECT_THAT(read_all(*log).value(), ElementsAre("good"));
}

TEST_F(LocalLogTest, FullDiskRefusesWritesAndHealsWithoutLosingOne) {
  const std::string big(1500, 'b');
  {
    const auto log = open_small_log(files_, kSmallSegment).take();
    LogWaiter waiter(*log);
    BatchBuilder batch = batch_of({big});
    ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
    files_.set_space(files_.used());
    batch = batch_of({big + "held"});
    const Lsn held = log->append(batch, 1).value();
    log->flush();
    // The writer finds out on its own thread: the next append is taken or refused as it does.
    std::vector<std::string> taken;
    batch = batch_of({"more"});
    auto more = log->append(batch, 1);
    while (more.ok()) more = log->append(batch, 1);
    EXPECT_EQ(more.error().code(), ErrorCode::kDiskFull);
    EXPECT_EQ(log->health().error().code(), ErrorCode::kDiskFull);
    EXPECT_EQ(log->durable(), Lsn{1});
    files_.set_space(std::numeric_limits<std::uint64_t>::max());
    EXPECT_TRUE(waiter.wait_durable(held));
    EXPECT_TRUE(waiter.wait_durable(log->last()));
    EXPECT_TRUE(log->health().ok());
    batch = batch_of({"healed"});
    EXPECT_TRUE(log->append(batch, 1).ok());
  }
  const auto log = open_small_log(files_, kSmallSegment).take();
  const auto all = read_all(*log).value();
  EXPECT_EQ(all.at(1), big + "held");
  EXPECT_EQ(all.back(), "healed");
}

// History that is kept for readers goes first, the oldest first and no more than needed; what
// somebody needs never does.
TEST_F(LocalLogTest, AFullDiskTakesHistoryBeforeItRefusesWrites) {
  const std::string big(1500, 'b');
  const auto log = open_small_log(files_, kSmallSegment).take();
  LogWaiter waiter(*log);
  const auto append = [&] {
    BatchBuilder batch = batch_of({big});
    return log->append(batch, 1);
  };
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(waiter.wait_durable(append().value()));
  files_.set_space(files_.used());
  log->allow_trim(Lsn{4});
  ASSERT_TRUE(waiter.wait_durable(append().value()));
  EXPECT_EQ(log->oldest(), Lsn{2});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(waiter.wait_durable(append().value()));
  EXPECT_EQ(log->oldest(), Lsn{4});
  EXPECT_TRUE(log->health().ok());
  const Lsn held = append().value();
  log->flush();
  while (log->health().ok()) std::this_thread::yield();
  EXPECT_EQ(log->health().error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(log->oldest(), Lsn{4}) << "LSN 4 is needed";
  log->allow_trim(Lsn{5});  // a checkpoint has it
  EXPECT_TRUE(waiter.wait_durable(held));
  EXPECT_EQ(log->oldest(), Lsn{5});
  EXPECT_THAT(read_all(*log, Lsn{5}).value(), testing::SizeIs(5));
}

// A store on the same disk has no room: a file at a time, and nothing that somebody needs.
TEST_F(LocalLogTest, LetsGoOfHistoryWhenSomebodyElseNeedsTheSpace) {
  const auto log = open_small_log(files_, kSmallSegment).take();
  LogWaiter waiter(*log);
  for (int i = 0; i < 5; ++i) {
    BatchBuilder batch = batch_of({std::string(1500, 'b')});
    ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
  }
  log->allow_trim(Lsn{3});
  for (const std::uint64_t oldest : {2u, 3u}) {
    log->want_space();
    while (log->oldest() < Lsn{oldest}) std::this_thread::yield();
    EXPECT_EQ(log->oldest(), Lsn{oldest});
  }
  log->want_space();
  log->close();
  EXPECT_EQ(log->oldest(), Lsn{3}) << "LSN 3 is needed";
}

// Files that wait for their use are no reason to refuse a write either.
TEST_F(LocalLogTest, AFullDiskTakesTheFilesThatAreKept) {
  const auto log = open_small_log(files_, kSmallSegment).take();
  LogWaiter waiter(*log);
  for (int i = 0; i < 4; ++i) {
    BatchBuilder batch = batch_of({std::string(1500, 'b')});
    ASSERT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
  }
  log->trim(Lsn{3});
  while (!files_.exists(path("kept-2.tmp")).value()) std::this_thread::yield();
  files_.set_space(files_.used());
  BatchBuilder batch = batch_of({std::string(5000, 'x')});  // fits none of them
  EXPECT_TRUE(waiter.wait_durable(log->append(batch, 1).value()));
  EXPECT_TRUE(log->health().ok());
  EXPECT_THAT(files_.list(kDirectory).value(), testing::Not(testing::Contains("kept-1.tmp")));
}

// A lane that sleeps must learn of it: the deadlines of the writes that wait count from then on.
TEST_F(LocalLogTest, TellsItsListenerThatTheDiskIsFull) {
  const auto log = open_small_log(files_, kSmallSegment).take();
  std::atomic<bool> is_told{false};
  log->set_listener([&] { is_told = !log->health().ok(); });
  files_.set_space(files_.used());
  BatchBuilder batch = batch_of({std::string(5000, 'x')});
  ASSERT_TRUE(log->append(batch, 1).ok());
  log->flush();
  while (!is_told) std::this_thread::yield();
  EXPECT_EQ(log->durable(), Lsn{0});
  log->close();
}

TEST_F(LocalLogTest, ClosesWhileTheDiskIsFull) {
  const auto log = open_small_log(files_, kSmallSegment).take();
  files_.set_space(files_.used());
  BatchBuilder batch = batch_of({std::string(5000, 'x')});
  ASSERT_TRUE(log->append(batch, 1).ok());
  log->close();
  EXPECT_EQ(log->durable(), Lsn{0});
  EXPECT_FALSE(log->health().ok());
}

TEST_F(LocalLogTest, FromFourThreadsGivesLsnsWithoutGaps) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kBatches = 300;
  std::vector<std::vector<std::pair<Lsn, std::string>>> given(kThreads);
  {
    const auto log = open_small_log(files_, 16 * 1024).take();
    std::vector<io::Thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back("append", [&, t] {
        for (std::size_t i = 0; i < kBatches; ++i) {
          const std::string payload = std::to_string(t) + ":" + std::to_string(i);
          BatchBuilder batch = batch_of({payload, payload + "+"});
          const Lsn first = log->append(batch, i).value();
          given[t].emplace_back(first, payload);
          EXPECT_LE(log->durable(), log->last());
        }
      });
    }
    for (auto& thread : threads) thread.join();
    log->close();
    EXPECT_EQ(log->durable(), Lsn{kThreads * kBatches * 2});
  }
  const auto log = open_small_log(files_, 16 * 1024).take();
  const auto all = read_all(*log).value();
  ASSERT_EQ(all.size(), kThreads * kBatches * 2);
  for (const auto& of_thread : given) {
    Lsn previous;
    for (const auto& [first, payload] : of_thread) {
      EXPECT_GT(first, previous);
      previous = first;
      EXPECT_EQ(all[first.value() - 1], payload);
      EXPECT_EQ(all[first.value()], payload + "+");
    }
  }
}

TEST(LocalLogOnPosixTest, SurvivesReopening) {
  const io::TempDirectory directory;
  const LocalLogOptions options{
      .directory = directory.file("log"), .segment_bytes = 64 * 1024, .oldest_needed = 1};
  std::vector<std::string> expected;
  for (int round = 0; round < 4; ++round) {
    const auto log = open_local_log(io::posix_file_system(), options).take();
    EXPECT_EQ(read_all(*log).value(), expected);
    for (int i = 0; i < 50; ++i) {
      expected.push_back(std::string(static_cast<std::size_t>(i * 50), 'x') +
                         std::to_string(round));
      BatchBuilder batch = batch_of({expected.back()});
      ASSERT_TRUE(log->append(batch, 1).ok());
    }
  }
  EXPECT_GT(io::posix_file_system().list(options.directory).value().size(), 1u);
}

TEST(SegmentNameTest, IsTheFirstLsnInTwentyDigits) {
  EXPECT_EQ(segment_name(Lsn{42}), "00000000000000000042.wal");
  EXPECT_EQ(first_lsn_of("00000000000000000042.wal"), Lsn{42});
  EXPECT_EQ(first_lsn_of(segment_name(Lsn{~std::uint64_t{0}})), Lsn{~std::uint64_t{0}});
  for (const char* bad : {"", "42.wal", "00000000000000000000.wal", "0000000000000000004x.wal",
                          "00000000000000000042.waL", "99999999999999999999.wal",
                          "-0000000000000000042.wal", "000000000000000000042.wal"}) {
    EXPECT_EQ(first_lsn_of(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace stator::wal
