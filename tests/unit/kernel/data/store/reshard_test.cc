#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/store/store.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::store {
namespace {

using testing::HasSubstr;

StoreOptions options_of(const std::string& parent, std::uint32_t lane) {
  StoreOptions options;
  options.directory = parent + "/lane-" + std::to_string(lane);
  return options;
}

class ReshardTest : public testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& parent, std::uint32_t lane) {
    return Store::open(options_of(parent, lane)).take();
  }
  // Entry "k<n>" of vShard n on lane n % lanes; "every" on each.
  void make_lanes(const std::string& parent, std::uint32_t lanes, Lsn up_to) {
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
      const auto store = open(parent, lane);
      for (std::uint32_t n = lane; n < 1024; n += lanes) {
        store->put("k" + std::to_string(n), VShardId{n}, "value " + std::to_string(n));
      }
      store->put("every", kEveryVShard, "everywhere");
      ASSERT_TRUE(store->start_checkpoint(up_to));
      ASSERT_TRUE(store->wait_checkpoint().ok());
    }
  }
  void expect_lanes(const std::string& parent, std::uint32_t lanes, Lsn up_to) {
    std::size_t found = 0;
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
      const auto store = open(parent, lane);
      EXPECT_EQ(store->applied(), up_to);
      const auto walk = store->walk({});
      Entry entry;
      bool has_every = false;
      while (walk->next(entry)) {
        if (entry.vshard == kEveryVShard) {
          has_every = entry.key == "every" && entry.value == "everywhere";
          continue;
        }
        const std::string n = std::to_string(entry.vshard.value());
        EXPECT_EQ(entry.key, "k" + n);
        EXPECT_EQ(entry.value, "value " + n);
        EXPECT_EQ(entry.vshard.value() % lanes, lane);
        ++found;
      }
      EXPECT_TRUE(has_every) << lane;
    }
    EXPECT_EQ(found, 1024u);
  }
  static auto by_modulo(std::uint32_t lanes) {
    return [lanes](VShardId vshard) { return LaneId{vshard.value() % lanes}; };
  }

  io::TempDirectory directory_;
  const std::string from_ = directory_.file("from");
  const std::string to_ = directory_.file("to");
};

TEST_F(ReshardTest, MovesEveryEntryToMoreLanesAndBack) {
  make_lanes(from_, 2, Lsn{50});
  ASSERT_TRUE(reshard(from_, 2, to_, 5, Lsn{50}, by_modulo(5)).ok());
  expect_lanes(to_, 5, Lsn{50});
  ASSERT_TRUE(reshard(to_, 5, directory_.file("back"), 1, Lsn{50}, by_modulo(1)).ok());
  expect_lanes(directory_.file("back"), 1, Lsn{50});
  expect_lanes(from_, 2, Lsn{50});  // untouched
}

TEST_F(ReshardTest, RefusesAStoreThatIsNotThere) {
  make_lanes(from_, 2, Lsn{50});
  auto status = reshard(from_, 3, to_, 1, Lsn{50}, by_modulo(1));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().sentence(), HasSubstr("there is no store in " + from_ + "/lane-2"));
}

TEST_F(ReshardTest, RefusesAStoreAtAnotherLsn) {
  make_lanes(from_, 1, Lsn{50});
  auto status = reshard(from_, 1, to_, 1, Lsn{51}, by_modulo(1));
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().sentence(), HasSubstr("holds records up to LSN 50, not 51"));
}

TEST_F(ReshardTest, RefusesToWriteOverAStore) {
  make_lanes(from_, 1, Lsn{50});
  make_lanes(to_, 1, Lsn{3});
  EXPECT_FALSE(reshard(from_, 1, to_, 1, Lsn{50}, by_modulo(1)).ok());
  EXPECT_EQ(open(to_, 0)->applied(), Lsn{3});
}

TEST_F(ReshardTest, RefusesATableThatNamesNoLane) {
  make_lanes(from_, 1, Lsn{50});
  EXPECT_FALSE(reshard(from_, 1, to_, 2, Lsn{50}, by_modulo(3)).ok());
  EXPECT_EQ(open(to_, 0)->applied(), Lsn{0});  // a half-filled store does not look whole
}

}  // namespace
}  // namespace stator::store
