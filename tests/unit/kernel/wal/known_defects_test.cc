// Ways in which logs of this kind have lost data elsewhere, that have no test under another name
// (docs/testing.md has the table).
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/kernel/wal/log_fixture.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;

// The log went on in a new segment, and the power went before the first batch in it.
TEST(KnownDefectsTest, AnEmptyLastSegmentDoesNotBeginAtOneAgain) {
  io::FaultyFileSystem files;
  const std::string big(1500, 'b');
  write_commits(files, {{big}, {big}, {"last"}}, kSmallSegment);
  const std::string newest = std::string(kDirectory) + "/" + files.list(kDirectory).value().back();
  std::string bytes = files.content(newest);
  std::fill(bytes.begin() + io::kBlockBytes, bytes.end(), '\0');
  files.set_content(newest, bytes);
  {
    const auto log = open_small_log(files, kSmallSegment).take();
    EXPECT_EQ(log->last(), Lsn{2});
    BatchBuilder batch = batch_of({"next"});
    EXPECT_EQ(log->append(batch, 1).value(), Lsn{3});
  }
  EXPECT_THAT(read_all(*open_small_log(files, kSmallSegment).take()).value(),
              ElementsAre(big, big, "next"));
}

// What is refused takes no LSN: readers would see a gap.
TEST(KnownDefectsTest, ARecordThatIsTooLargeTakesNoLsn) {
  io::FaultyFileSystem files;
  const auto log = open_small_log(files).take();
  BatchBuilder batch = batch_of({"first"});
  EXPECT_EQ(log->append(batch, 1).value(), Lsn{1});
  BatchBuilder large;
  const std::string payload(kBatchBytesMax + 1, 'x');
  EXPECT_FALSE(large
                   .add({.engine = EngineNumber{7},
                         .type = 3,
                         .tenant = TenantId{5},
                         .vshard = VShardId{9},
                         .collection = "c",
                         .payload = payload})
                   .ok());
  EXPECT_EQ(large.count(), 0u);
  batch = batch_of({"second"});
  EXPECT_EQ(log->append(batch, 1).value(), Lsn{2});
}

// Commits end with zeros up to a whole block; behind them the log goes on.
TEST(KnownDefectsTest, PaddingIsNotTheEnd) {
  io::FaultyFileSystem files;
  for (const char* payload : {"a", "b", "c"}) write_commits(files, {{payload}, {payload}});
  EXPECT_THAT(read_all(*open_small_log(files).take()).value(),
              ElementsAre("a", "a", "b", "b", "c", "c"));
}

}  // namespace
}  // namespace stator::wal
