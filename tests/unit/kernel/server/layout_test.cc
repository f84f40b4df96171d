// LAYOUT says where documents are: a damaged one must not be believed.
#include "server/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/core/vshard_snapshot.h"
#include "server/vshard_move.h"
#include "unit/kernel/io/faulty_file_system.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::server {
namespace {

using testing::HasSubstr;

const std::string kPath = "/d/LAYOUT";

class LayoutTest : public testing::Test {
 protected:
  LayoutTest() {
    layout_ = open_layout(files_, "/d", 3).take();
    good_ = files_.content(kPath);
  }
  Result<Layout> read(const std::string& text) {
    files_.set_content(kPath, text);
    return open_layout(files_, "/d", 1);
  }
  io::FaultyFileSystem files_;
  Layout layout_;
  std::string good_;
};

TEST_F(LayoutTest, IsReadAsItWasWritten) {
  const Layout found = read(good_).take();
  EXPECT_EQ(found.hash_key.k0, layout_.hash_key.k0);
  EXPECT_EQ(found.hash_key.k1, layout_.hash_key.k1);
  EXPECT_EQ(found.lanes, 3u);
  EXPECT_EQ(found.generation, layout_.generation);
  EXPECT_EQ(found.vshard_lane, layout_.vshard_lane);
}

TEST_F(LayoutTest, EveryFlippedBitIsFound) {
  for (std::size_t bit = 0; bit < good_.size() * 8; ++bit) {
    std::string bad = good_;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    auto found = read(bad);
    ASSERT_FALSE(found.ok()) << "bit " << bit;
    ASSERT_EQ(found.error().code(), ErrorCode::kCorrupted);
    ASSERT_THAT(found.error().sentence(), HasSubstr(kPath));
    ASSERT_EQ(files_.content(kPath), bad) << "a refused file was changed";
  }
}

TEST_F(LayoutTest, CutAnywhereItIsFound) {
  for (std::size_t size = 0; size < good_.size(); ++size)
    ASSERT_FALSE(read(good_.substr(0, size)).ok()) << size;
}

TEST_F(LayoutTest, OfTheFirstFormatIsTakenOverAndGetsAChecksum) {
  std::string old = good_.substr(0, good_.rfind(",\"crc32c\"")) + "}";
  old.replace(old.find("\"format\":2"), 10, "\"format\":1");
  EXPECT_EQ(read(old).take().hash_key.k0, layout_.hash_key.k0);
  EXPECT_EQ(files_.content(kPath), good_);
}

TEST_F(LayoutTest, OfANewerFormatIsRefusedWithTheWayOut) {
  std::string newer = good_;
  newer.replace(newer.find("\"format\":2"), 10, "\"format\":3");
  EXPECT_THAT(
      read(newer).error().sentence(),
      HasSubstr(
          "it has format 3, this server knows 1 to 2: start it with the statord that wrote it"));
}

// At whatever step the power goes or the disk fails there is the old one or the new one.
TEST_F(LayoutTest, IsReplacedAtomically) {
  Layout next = layout_;
  next.generation = 9;
  for (std::uint64_t call = 1; call < 12; ++call) {
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      for (const bool is_power : {false, true}) {
        io::FaultyFileSystem files;
        ASSERT_TRUE(save_layout(files, "/d", layout_).ok());
        is_power ? files.lose_power_at(call) : files.fail_call(call, ErrorCode::kStorage);
        const bool is_saved = save_layout(files, "/d", next).ok();
        files.crash(seed);
        const Layout found = read_layout(files, kPath).take();
        ASSERT_TRUE(found.generation == 9 || (!is_saved && found.generation == layout_.generation));
      }
    }
  }
}
Layout some_layout() {
  Layout layout;
  layout.hash_key = {1, 2};
  layout.lanes = 3;
  layout.generation = 4;
  layout.version = 9;
  for (std::size_t i = 0; i < kVShards; ++i)
    layout.vshard_lane[i] = static_cast<std::uint16_t>(i % 3);
  return layout;
}

TEST_F(LayoutTest, KeepsThePlacement) {
  io::FaultyFileSystem files;
  Layout layout = some_layout();
  layout.move = Layout::Move{VShardId{5}, LaneId{2}, LaneId{0}};
  ASSERT_TRUE(save_layout(files, "/d", layout).ok());
  const Layout read = read_layout(files, "/d/LAYOUT").take();
  EXPECT_EQ(read.lanes, 3u);
  EXPECT_EQ(read.generation, 4u);
  EXPECT_EQ(read.version, 9u);
  EXPECT_EQ(read.vshard_lane, layout.vshard_lane);
  EXPECT_EQ(read.vshard_group, layout.vshard_group);
  ASSERT_TRUE(read.move.has_value());
  EXPECT_EQ(read.move->vshard, VShardId{5});
  EXPECT_EQ(read.move->from, LaneId{2});
  EXPECT_EQ(read.move->to, LaneId{0});
}

TEST_F(LayoutTest, OfTheFirstFormatIsVersionOneWithoutAMove) {
  std::string lanes = "0";
  for (std::size_t i = 1; i < kVShards; ++i) lanes += ",0";
  const Layout found =
      read(R"({"format":1,"lanes":1,"generation":1,"hash_k0":1,"hash_k1":2,"vshard_lane":[)" +
           lanes + "]}")
          .take();
  EXPECT_EQ(found.version, 1u);
  EXPECT_FALSE(found.move.has_value());
}

// A group that this version does not have is somebody else's data.
TEST_F(LayoutTest, RefusesAnUnknownGroup) {
  io::FaultyFileSystem files;
  Layout layout = some_layout();
  layout.vshard_group[7] = 1;
  ASSERT_TRUE(save_layout(files, "/d", layout).ok());
  EXPECT_THAT(read_layout(files, "/d/LAYOUT").error().sentence(), HasSubstr("vshard_group"));
}

// Whichever lane the placement says owns the vShard keeps it; the other forgets its part.
class BrokenMoveTest : public testing::TestWithParam<std::uint16_t> {};

TEST_P(BrokenMoveTest, LeavesTheOwnerAlone) {
  const io::TempDirectory directory;
  std::vector<std::unique_ptr<store::Store>> stores;
  for (int lane = 0; lane < 3; ++lane) {
    store::StoreOptions options;
    options.directory = directory.file("lane-" + std::to_string(lane));
    ASSERT_TRUE(io::posix_file_system().make_directory(options.directory).ok());
    stores.push_back(store::Store::open(options).take());
    stores.back()->put("moved", VShardId{5}, "x");
    stores.back()->put("other", VShardId{6}, "x");
    ASSERT_TRUE(stores.back()->start_checkpoint(Lsn{3}));
    ASSERT_TRUE(stores.back()->wait_checkpoint().ok());
  }
  io::FaultyFileSystem files;
  ASSERT_TRUE(io::write_file_durably(files, "/d/vshard.snapshot", "half of it").ok());
  Layout layout = some_layout();
  layout.vshard_lane[5] = GetParam();
  layout.move = Layout::Move{VShardId{5}, LaneId{2}, LaneId{0}};
  ASSERT_TRUE(end_broken_move(files, "/d", layout, stores).ok());
  const std::uint16_t other = GetParam() == 2 ? 0 : 2;
  EXPECT_EQ(core::sum_of_vshard(*stores[GetParam()], VShardId{5}).entries, 1u);
  EXPECT_EQ(core::sum_of_vshard(*stores[other], VShardId{5}).entries, 0u);
  EXPECT_EQ(core::sum_of_vshard(*stores[other], VShardId{6}).entries, 1u);
  EXPECT_EQ(stores[other]->applied(), Lsn{3});
  EXPECT_FALSE(files.exists("/d/vshard.snapshot").take());
  EXPECT_FALSE(read_layout(files, "/d/LAYOUT").take().move.has_value());
}

INSTANTIATE_TEST_SUITE_P(Owners, BrokenMoveTest, testing::Values(0, 2));

}  // namespace
}  // namespace stator::server
