#include "wal/log_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernel/wal/log_fixture.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LogCopyTest : public testing::Test {
 protected:
  // The LSN with which each copied batch begins.
  std::vector<std::uint64_t> copy(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> firsts;
    bytes_.clear();
    const auto log = open_small_log(files_, kLargeSegment, std::max(from, oldest_)).take();
    if (damage_) damage_();
    auto range = copy_batches(*log, Lsn{from}, Lsn{to}, [&](const BatchReader& batch) {
      firsts.push_back(batch.seal().first.value());
      bytes_.append(batch.bytes());
      return ok_status();
    });
    if (range.ok()) range_ = range.value();
    error_ = range.ok() ? "" : range.error().sentence();
    code_ = range.ok() ? ErrorCode::kOk : range.error().code();
    return firsts;
  }
  // Builds a log in another directory from what was copied.
  Status build(const std::string& directory, std::size_t segment_bytes = 1 << 20) {
    const auto file = files_.create("/backup/log").take();
    STATOR_CHECK(file->write_at(0, bytes_));
    LogBuilder log(files_, directory, segment_bytes);
    STATOR_CHECK(log.begin(range_.begin));
    STATOR_CHECK(read_batches(*file, [&](const BatchReader& batch) { return log.add(batch); }));
    EXPECT_EQ(log.position().next, range_.end.next);
    EXPECT_EQ(log.position().chain, range_.end.chain);
    return log.finish();
  }

  io::FaultyFileSystem files_;
  std::uint64_t oldest_ = 1;      // LSN that the log must begin with
  std::function<void()> damage_;  // behind the opening
  CopiedRange range_;
  std::string bytes_;
  std::string error_;
  ErrorCode code_ = ErrorCode::kOk;
};

TEST_F(LogCopyTest, CopiesTheBatchesThatHoldTheRange) {
  write_commits(files_, {{"1"}, {"2", "3"}, {"4"}, {"5"}});
  EXPECT_THAT(copy(3, 4), ElementsAre(2, 4));
  EXPECT_EQ(range_.begin.next, Lsn{2});
  EXPECT_EQ(range_.end.next, Lsn{5});
  EXPECT_THAT(copy(1, 5), ElementsAre(1, 2, 4, 5));
  EXPECT_EQ(range_.begin.chain, 0u);
}

TEST_F(LogCopyTest, GoesOverSegments) {
  const std::string big(1500, 'b');
  write_commits(files_, {{big}, {big}, {big}, {big}}, kSmallSegment);
  EXPECT_THAT(copy(2, 4), ElementsAre(2, 3, 4));
}

TEST_F(LogCopyTest, WhatIsTrimmedIsSaid) {
  const std::string big(1500, 'b');
  write_commits(files_, {{big}, {big}, {big}}, kSmallSegment);
  ASSERT_TRUE(files_.remove(std::string(kDirectory) + "/" + segment_name(Lsn{1})).ok());
  oldest_ = 2;
  copy(1, 3);
  EXPECT_EQ(code_, ErrorCode::kNotFound);
  EXPECT_THAT(copy(2, 3), ElementsAre(2, 3));
}

TEST_F(LogCopyTest, WhatIsNotThereYetIsAnError) {
  write_commits(files_, {{"1"}, {"2"}});
  copy(1, 3);
  EXPECT_EQ(code_, ErrorCode::kInternal);
  EXPECT_THAT(error_, HasSubstr("LSN 3"));
}

TEST_F(LogCopyTest, TheSinksErrorStopsIt) {
  write_commits(files_, {{"1"}, {"2"}});
  const auto log = open_small_log(files_).take();
  auto range = copy_batches(*log, Lsn{1}, Lsn{2}, [&](const BatchReader&) -> Status {
    return Error(ErrorCode::kCancelled, "enough");
  });
  ASSERT_FALSE(range.ok());
  EXPECT_EQ(range.error().sentence(), "enough");
}

// What lies behind the range may be in the middle of being written.
TEST_F(LogCopyTest, DoesNotLookBehindTheRange) {
  write_commits(files_, {{"1"}, {"2"}, {"3"}});
  const std::string path = std::string(kDirectory) + "/" + segment_name(Lsn{1});
  damage_ = [&] {
    std::string content = files_.content(path);
    content[content.rfind('3')] = 'x';
    files_.set_content(path, content);
  };
  EXPECT_THAT(copy(1, 2), ElementsAre(1, 2));
}

TEST_F(LogCopyTest, ABuiltLogIsOpenedAndGoesOn) {
  const std::string big(1500, 'b');
  write_commits(files_, {{"1"}, {"2", "3"}, {big + "4"}, {big + "5"}});
  copy(2, 5);
  ASSERT_TRUE(build("/restored", kSmallSegment).ok());
  {
    const auto log = open_local_log(files_, {"/restored", kSmallSegment, 3}).take();
    EXPECT_EQ(log->last(), Lsn{5});
    EXPECT_THAT(read_all(*log, Lsn{3}).value(), ElementsAre("3", big + "4", big + "5"));
    LogWaiter waiter(*log);
    BatchBuilder batch = batch_of({"6"});
    ASSERT_TRUE(log->append(batch, 1).ok());
  }
  const auto log = open_local_log(files_, {"/restored", kSmallSegment, 3}).take();
  EXPECT_EQ(log->last(), Lsn{6});
}

TEST_F(LogCopyTest, ABuiltLogSurvivesAPowerCut) {
  write_commits(files_, {{"1"}, {"2"}});
  copy(1, 2);
  ASSERT_TRUE(build("/restored").ok());
  files_.crash(7);
  const auto log = open_local_log(files_, {"/restored", 4096, 1}).take();
  EXPECT_EQ(log->last(), Lsn{2});
}

TEST_F(LogCopyTest, ABatchThatDoesNotContinueIsRefused) {
  write_commits(files_, {{"1"}, {"2"}, {"3"}});
  copy(1, 1);
  const std::string first = bytes_;
  const CopiedRange range = range_;
  copy(3, 3);
  bytes_ = first + bytes_;
  range_ = range;
  Status built = build("/restored");
  ASSERT_FALSE(built.ok());
  EXPECT_THAT(built.error().sentence(), HasSubstr("does not continue LSN 1"));
}

TEST_F(LogCopyTest, ACutFileOfBatchesIsRefused) {
  write_commits(files_, {{"1"}, {"2"}});
  copy(1, 2);
  bytes_.pop_back();
  Status built = build("/restored");
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().code(), ErrorCode::kCorrupted);
}

TEST_F(LogCopyTest, ReadsBatchesThatAreLargerThanAChunk) {
  const std::string large(6 << 20, 'l');
  write_commits(files_, {{"1"}, {large}, {"3"}, {large + large}}, 64 << 20);
  EXPECT_THAT(copy(1, 4), ElementsAre(1, 2, 3, 4));
  ASSERT_TRUE(build("/restored", 64 << 20).ok());
}

}  // namespace
}  // namespace stator::wal
