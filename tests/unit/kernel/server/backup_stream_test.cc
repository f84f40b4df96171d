// The handover of a backup's pieces from the worker's thread to a lane, and its ends.
#include "server/backup_stream.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/thread_role.h"

namespace stator::server {
namespace {

using testing::HasSubstr;

class BackupStreamTest : public testing::Test {
 protected:
  // What the worker does, on this thread or another.
  Status add(ByteView bytes) {
    const ActsAs role(threads::background);
    STATOR_CHECK(stream_.begin_file("log"));
    STATOR_CHECK(stream_.add(bytes));
    return stream_.end_file();
  }
  std::string payload() {
    auto part = stream_.take();
    return part && !part->end ? std::string(part->payload.view()) : "";
  }
  int rings_ = 0;
  BackupStream stream_{"", [this] { ++rings_; }, 20};
};

TEST_F(BackupStreamTest, APieceIsMadeWhenItIsAskedFor) {
  stream_.ask();
  EXPECT_TRUE(add("abc").ok());
  EXPECT_EQ(rings_, 1);
  EXPECT_EQ(payload(), R"({"file":"log","offset":0,"data":"YWJj"})");
  EXPECT_FALSE(stream_.take().has_value());
}

TEST_F(BackupStreamTest, AnEmptyFileIsOnePieceToo) {
  stream_.ask();
  EXPECT_TRUE(add("").ok());
  EXPECT_EQ(payload(), R"({"file":"log","offset":0,"data":""})");
}

TEST_F(BackupStreamTest, APieceIsNoLargerThanAPartOfAStream) {
  std::thread worker([&] { EXPECT_TRUE(add(std::string(kStreamChunkBytes * 3, 'x')).ok()); });
  std::size_t pieces = 0;
  for (std::size_t bytes = 0; bytes < kStreamChunkBytes * 4;) {
    stream_.ask();
    std::optional<BackupStream::Part> part;
    while (!(part = stream_.take())) std::this_thread::yield();
    std::size_t begin = 0;
    for (const std::size_t end : part->ends) {
      const ByteView piece = part->payload.view().substr(begin, end - begin);
      EXPECT_LE(piece.size(), kStreamChunkBytes);
      bytes += piece.size() - piece.find(R"("data":")") - 10;
      begin = end;
      ++pieces;
    }
  }
  worker.join();
  EXPECT_EQ(pieces, 5u);
}

// What is made ahead is little, and is not kept for ever.
TEST_F(BackupStreamTest, WhoTakesNothingForTooLongGetsNoMore) {
  Status added = add(std::string(kBackupAheadBytes, 'x'));
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(added.error().sentence(), HasSubstr("took nothing"));
  stream_.ask();
  EXPECT_LE(stream_.take()->payload.size(), kBackupAheadBytes + kStreamChunkBytes);
}

TEST_F(BackupStreamTest, AClosedOneFailsAtOnce) {
  stream_.ask();
  stream_.close();
  Status added = add("abc");
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().code(), ErrorCode::kCancelled);
}

TEST_F(BackupStreamTest, TheEndIsForWhoAsks) {
  stream_.end(BackupDone{"a", Lsn{7}, 1, 2});
  EXPECT_EQ(rings_, 1);
  EXPECT_FALSE(stream_.take().has_value()) << "a paused client has no room for it";
  stream_.ask();
  EXPECT_EQ(rings_, 2) << "or nobody would look again";
  auto part = stream_.take();
  ASSERT_TRUE(part && part->end);
  EXPECT_EQ(part->end->value().lsn, Lsn{7});
}

TEST_F(BackupStreamTest, ABaseIsTheTextOfAManifest) {
  EXPECT_FALSE(stream_.read_base().value().has_value());
  BackupStream other("{}", [] {});
  auto refused = other.read_base();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kBadRequest);
  EXPECT_EQ(refused.error().field(), "base_manifest");
}

}  // namespace
}  // namespace stator::server
