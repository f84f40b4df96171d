#include "wal/log_reader.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/thread.h"
#include "unit/kernel/io/temp_directory.h"
#include "unit/kernel/wal/log_fixture.h"
#include "wal/segment.h"
#include "wal/sim_log.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Step = LogReader::Step;

std::vector<std::string> payloads_of(BatchReader& batch) {
  std::vector<std::string> payloads;
  RecordView record;
  Lsn lsn;
  while (batch.next(record, lsn)) payloads.emplace_back(record.payload);
  return payloads;
}

// What a reader gives until it gives no batch; `end` is why.
std::vector<std::string> pull(LogReader& reader, Step& end) {
  std::vector<std::string> payloads;
  for (;;) {
    end = reader.next().take();
    if (end != Step::kBatch) return payloads;
    for (std::string& payload : payloads_of(reader.batch())) payloads.push_back(std::move(payload));
  }
}

enum class Kind { kSim, kLocal, kEncrypted };
std::string name_of(Kind kind) {
  if (kind == Kind::kSim) return "Sim";
  return kind == Kind::kLocal ? "Local" : "Encrypted";
}

// All implementations keep the same promises.
class LogReaderTest : public testing::TestWithParam<Kind> {
 protected:
  LogReaderTest() {
    if (GetParam() == Kind::kSim) {
      log_ = std::make_unique<SimLog>();
      return;
    }
    if (GetParam() == Kind::kEncrypted) activate(keys_, 1);
    log_ = open_small_log(files_, kSmallSegment, 1, &keys_).take();
    waiter_ = std::make_unique<LogWaiter>(*log_);
  }
  void append(const std::vector<std::string>& payloads) {
    BatchBuilder batch = batch_of(payloads);
    ASSERT_TRUE(log_->append(batch, 1, log_->epoch()).ok());
  }
  void write(const std::vector<std::string>& payloads) {
    append(payloads);
    make_durable();
  }
  void make_durable() {
    if (waiter_) {
      ASSERT_TRUE(waiter_->wait_durable(log_->last()));
    } else {
      static_cast<SimLog&>(*log_).commit();
    }
  }
  void trim(std::uint64_t to) {
    log_->trim(Lsn{to});
    while (log_->oldest() < Lsn{to}) std::this_thread::yield();
  }

  io::FaultyFileSystem files_;
  KeyRing keys_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogWaiter> waiter_;
  Step end_ = Step::kBatch;
};

TEST_P(LogReaderTest, GivesWhatComesWhileItReads) {
  const auto reader = log_->reader(Lsn{1});
  EXPECT_EQ(reader->next().take(), Step::kEnd);
  write({"a", "b"});
  write({"c"});
  EXPECT_THAT(pull(*reader, end_), ElementsAre("a", "b", "c"));
  EXPECT_EQ(end_, Step::kEnd);
  EXPECT_EQ(reader->position(), Lsn{4});
  write({"d"});
  EXPECT_THAT(pull(*reader, end_), ElementsAre("d"));
}

TEST_P(LogReaderTest, BeginsWithTheBatchThatHoldsTheRecord) {
  write({"a"});
  write({"b", "c"});
  write({"d"});
  const auto reader = log_->reader(Lsn{3});
  ASSERT_EQ(reader->next().take(), Step::kBatch);
  EXPECT_EQ(reader->batch().seal().first, Lsn{2});
  EXPECT_EQ(reader->position(), Lsn{4});
}

TEST_P(LogReaderTest, WaitsForARecordOfTheFuture) {
  const auto reader = log_->reader(Lsn{3});
  write({"a"});
  EXPECT_EQ(reader->next().take(), Step::kEnd);
  EXPECT_EQ(reader->position(), Lsn{3});
  write({"b"});
  write({"c"});
  EXPECT_THAT(pull(*reader, end_), ElementsAre("c"));
}

TEST_P(LogReaderTest, GoesOverSegmentsInEveryState) {
  const auto reader = log_->reader(Lsn{1});
  std::vector<std::string> expected;
  std::vector<std::string> seen;
  for (int i = 0; i < 40; ++i) {
    // Some fit a segment, some need one of their own size.
    expected.push_back(std::string(i % 7 == 0 ? 40'000 : 1500, static_cast<char>('a' + i % 26)));
    write({expected.back()});
    if (i % 3 != 0) continue;
    for (std::string& payload : pull(*reader, end_)) seen.push_back(std::move(payload));
    ASSERT_EQ(end_, Step::kEnd);
  }
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(pull(*log_->reader(Lsn{1}), end_), expected);
}

TEST_P(LogReaderTest, SaysWhatIsTrimmed) {
  const std::string big(3000, 'x');
  for (int i = 0; i < 6; ++i) write({big});
  trim(4);
  EXPECT_EQ(log_->oldest(), Lsn{4});
  const auto reader = log_->reader(Lsn{2});
  EXPECT_EQ(reader->next().take(), Step::kTrimmed);
  EXPECT_EQ(reader->position(), Lsn{2});
  EXPECT_THAT(pull(*log_->reader(log_->oldest()), end_), ElementsAre(big, big, big));
  Status status = read_durable(*log_, Lsn{2},
                               [](const RecordView&, Lsn, std::uint64_t) { return ok_status(); });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.error().sentence(), HasSubstr("LSN 2; it begins with LSN 4"));
}

TEST_P(LogReaderTest, SaysThatItWasOvertaken) {
  const std::string big(3000, 'x');
  for (int i = 0; i < 3; ++i) write({big});
  const auto reader = log_->reader(Lsn{1});
  ASSERT_EQ(reader->next().take(), Step::kBatch);
  for (int i = 0; i < 3; ++i) write({big});
  trim(6);
  pull(*reader, end_);
  EXPECT_EQ(end_, Step::kTrimmed);
}

TEST_P(LogReaderTest, ASealFencesOlderEpochs) {
  write({"a"});
  EXPECT_EQ(log_->epoch(), 0u);
  EXPECT_EQ(log_->seal(3, 1).value(), Lsn{2});
  BatchBuilder batch = batch_of({"of an owner that does not know"});
  EXPECT_EQ(log_->append(batch, 1, 0).error().code(), ErrorCode::kFenced);
  EXPECT_EQ(log_->append(batch, 1, 2).error().code(), ErrorCode::kFenced);
  EXPECT_EQ(log_->seal(3, 1).error().code(), ErrorCode::kFenced) << "one owner an epoch";
  EXPECT_EQ(log_->append(batch, 1, 3).value(), Lsn{3});
  make_durable();
  const auto reader = log_->reader(Lsn{1});
  std::vector<std::uint32_t> epochs;
  while (reader->next().take() == Step::kBatch) epochs.push_back(reader->batch().seal().epoch);
  EXPECT_THAT(epochs, ElementsAre(0, 3, 3));
}

TEST_P(LogReaderTest, DiscardsEvenWhatIsDurable) {
  write({"a"});
  write({"b", "c"});
  ASSERT_TRUE(log_->seal(1, 1).ok());
  make_durable();
  const auto old = log_->reader(Lsn{1});
  ASSERT_EQ(old->next().take(), Step::kBatch);
  EXPECT_EQ(log_->discard_to(Lsn{2}).error().code(), ErrorCode::kBadRequest) << "inside a batch";
  EXPECT_EQ(log_->discard_to(Lsn{9}).error().code(), ErrorCode::kBadRequest);
  EXPECT_EQ(old->next().take(), Step::kBatch) << "nothing happened";
  ASSERT_TRUE(log_->discard_to(Lsn{1}).ok());
  EXPECT_EQ(log_->durable(), Lsn{1});
  EXPECT_EQ(log_->last(), Lsn{1});
  EXPECT_EQ(log_->epoch(), 0u);
  EXPECT_EQ(old->next().error().code(), ErrorCode::kFenced);
  write({"new"});
  EXPECT_EQ(log_->last(), Lsn{2});
  EXPECT_THAT(pull(*log_->reader(Lsn{1}), end_), ElementsAre("a", "new"));
}

TEST_P(LogReaderTest, DiscardsOverSegments) {
  const std::string big(3000, 'x');
  for (int i = 0; i < 12; ++i) write({big + std::to_string(i)});
  ASSERT_TRUE(log_->discard_to(Lsn{3}).ok());
  write({"new"});
  EXPECT_THAT(pull(*log_->reader(Lsn{1}), end_),
              ElementsAre(big + "0", big + "1", big + "2", "new"));
}

// Between any two writes, whatever went to the disk with them.
TEST_P(LogReaderTest, DiscardsAPartOfACommit) {
  write({"a"});
  for (const std::string payload : {"b", "c", "d", "e"}) append({payload});
  make_durable();
  ASSERT_TRUE(log_->discard_to(Lsn{3}).ok());
  EXPECT_EQ(log_->last(), Lsn{3});
  write({"new"});
  ASSERT_TRUE(log_->discard_to(Lsn{2}).ok());
  write({"newer"});
  EXPECT_THAT(pull(*log_->reader(Lsn{1}), end_), ElementsAre("a", "b", "newer"));
}

INSTANTIATE_TEST_SUITE_P(Logs, LogReaderTest,
                         testing::Values(Kind::kSim, Kind::kLocal, Kind::kEncrypted),
                         [](const auto& param) { return name_of(param.param); });

TEST(SimLogReaderTest, GivesNothingThatIsNotDurable) {
  SimLog log;
  BatchBuilder batch = batch_of({"a"});
  ASSERT_TRUE(log.append(batch, 1).ok());
  const auto reader = log.reader(Lsn{1});
  EXPECT_EQ(reader->next().take(), Step::kEnd);
  log.commit();
  EXPECT_EQ(reader->next().take(), Step::kBatch);
}

// On the real file system, whose direct writes and cached reads must agree.
TEST(LocalLogReaderTest, FollowsAWriterFromAnotherThread) {
  constexpr std::uint64_t kRecords = 4000;
  const io::TempDirectory directory;
  const auto log = open_local_log(io::posix_file_system(), {.directory = directory.path() + "/wal",
                                                            .segment_bytes = 64 * 1024})
                       .take();
  std::atomic<bool> is_bad = false;
  io::Thread reading("reader", [&] {
    const auto reader = log->reader(Lsn{1});
    for (std::uint64_t expected = 1; expected <= kRecords;) {
      auto step = reader->next();
      if (!step.ok() || step.value() == Step::kTrimmed) {
        is_bad = true;
        return;
      }
      if (step.value() == Step::kEnd) {
        std::this_thread::yield();
        continue;
      }
      for (const std::string& payload : payloads_of(reader->batch())) {
        if (payload != std::to_string(expected) + std::string(expected % 300, 'p')) is_bad = true;
        ++expected;
      }
    }
  });
  for (std::uint64_t i = 1; i <= kRecords; ++i) {
    BatchBuilder batch = batch_of({std::to_string(i) + std::string(i % 300, 'p')});
    ASSERT_TRUE(log->append(batch, 1).ok());
    if (i % 5 == 0) log->flush();
  }
  log->flush();
  reading.join();
  EXPECT_FALSE(is_bad);
}

TEST(LocalLogSealTest, TheEpochSurvivesARestart) {
  io::FaultyFileSystem files;
  write_commits(files, {{"a"}});
  {
    const auto log = open_small_log(files).take();
    ASSERT_TRUE(log->seal(7, 1).ok());
  }
  files.crash(1);
  const auto log = open_small_log(files).take();
  EXPECT_EQ(log->epoch(), 7u);
  BatchBuilder batch = batch_of({"b"});
  EXPECT_EQ(log->append(batch, 1, 6).error().code(), ErrorCode::kFenced);
  EXPECT_EQ(log->append(batch, 1, 7).value(), Lsn{3});
}

// Plain and encrypted.
class LocalLogDiscardTest : public testing::TestWithParam<bool> {
 protected:
  LocalLogDiscardTest() {
    if (GetParam()) activate(keys_, 1);
  }
  // Discards to LSN 2 with a power cut at the `at`-th change of the disk. False: there are less.
  bool cut_power(io::FaultyFileSystem& files, std::uint64_t at) {
    {
      const auto log = open_small_log(files, kSmallSegment, 1, &keys_).take();
      const std::uint64_t before = files.changes();
      files.lose_power_at(at);
      const Status done = log->discard_to(Lsn{2});
      if (files.changes() - before < at) {
        EXPECT_TRUE(done.ok());
        EXPECT_GT(at, 3u) << "the power never went";
        return false;
      }
    }
    files.crash(static_cast<std::uint32_t>(at));
    const auto log = open_small_log(files, kSmallSegment, 1, &keys_).take();
    // It is there up to some batch, at least as far as asked for.
    EXPECT_GE(log->last(), Lsn{2}) << at;
    EXPECT_EQ(read_all(*log).value().size(), log->last().value()) << at;
    return true;
  }
  KeyRing keys_;
};

TEST_P(LocalLogDiscardTest, SurvivesARestartAndEveryPowerCutLeavesALog) {
  const std::string big(3000, 'x');
  for (std::uint64_t at = 1;; ++at) {
    io::FaultyFileSystem files;
    write_commits(files, {{"a"}, {"b"}, {big}, {big}, {big}}, kSmallSegment, &keys_);
    if (!cut_power(files, at)) return;
  }
}

// The batches that stay were acknowledged: no power cut on the way takes one of them.
TEST_P(LocalLogDiscardTest, APowerCutTakesNothingOfTheCommitThatIsCut) {
  for (std::uint64_t at = 1;; ++at) {
    io::FaultyFileSystem files;
    {
      const auto log = open_small_log(files, kSmallSegment, 1, &keys_).take();
      LogWaiter waiter(*log);
      for (int i = 0; i < 6; ++i) {
        BatchBuilder batch = batch_of({std::string(2000, 'x') + std::to_string(i)});
        ASSERT_TRUE(log->append(batch, 1).ok());
      }
      ASSERT_TRUE(waiter.wait_durable(log->last()));
    }
    if (!cut_power(files, at)) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Logs, LocalLogDiscardTest, testing::Bool(), [](const auto& param) {
  return std::string(param.param ? "Encrypted" : "Plain");
});

TEST(LocalLogReaderTest, DamageIsSaidWithItsPlace) {
  io::FaultyFileSystem files;
  write_commits(files, {{"first"}, {"second"}});
  const auto log = open_small_log(files).take();
  const std::string path = std::string(kDirectory) + "/" + segment_name(Lsn{1});
  std::string content = files.content(path);
  content[content.rfind("second")] = 'x';
  files.set_content(path, content);
  const auto reader = log->reader(Lsn{1});
  EXPECT_EQ(reader->next().take(), Step::kBatch);
  auto step = reader->next();
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().code(), ErrorCode::kCorrupted);
  EXPECT_THAT(step.error().sentence(), HasSubstr(path + ", offset 8192"));
}

}  // namespace
}  // namespace stator::wal
