// LAYOUT says where documents are: a damaged one must not be believed.
#include "server/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernel/io/faulty_file_system.h"

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

}  // namespace
}  // namespace stator::server
