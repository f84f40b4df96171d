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

TEST(LayoutTest, KeepsThePlacement) {
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

TEST(LayoutTest, ReadsFormatOneAndRefusesTheFuture) {
  io::FaultyFileSystem files;
  std::string lanes = "0";
  for (std::size_t i = 1; i < kVShards; ++i) lanes += ",0";
  const auto text = [&](int format) {
    return R"({"format":)" + std::to_string(format) +
           R"(,"lanes":1,"generation":1,"hash_k0":1,"hash_k1":2,"vshard_lane":[)" + lanes + "]}";
  };
  ASSERT_TRUE(io::write_file_durably(files, "/d/LAYOUT", text(1)).ok());
  const Layout read = read_layout(files, "/d/LAYOUT").take();
  EXPECT_EQ(read.version, 1u);
  EXPECT_FALSE(read.move.has_value());
  ASSERT_TRUE(io::write_file_durably(files, "/d/LAYOUT", text(3)).ok());
  EXPECT_THAT(read_layout(files, "/d/LAYOUT").error().sentence(), HasSubstr("format 3"));
}

// A group that this version does not have is somebody else's data.
TEST(LayoutTest, RefusesAnUnknownGroup) {
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
