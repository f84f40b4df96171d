#include "bridge/vshard_map.h"

#include <gtest/gtest.h>

#include <set>

namespace stator::bridge {
namespace {

TEST(VShardMapTest, EverySizeGivesEveryLaneItsShare) {
  for (const std::uint32_t lanes : {1u, 2u, 3u, 7u, 64u}) {
    std::vector<int> share(lanes);
    for (const std::uint16_t lane : VShardMap::even(lanes)) ++share[lane];
    for (const int count : share) EXPECT_NEAR(count, 1024.0 / lanes, 1.0);
  }
}

TEST(VShardMapTest, ClientsCannotSteerWithoutTheKey) {
  const VShardMap one({1, 2}, VShardMap::even(2));
  const VShardMap other({1, 3}, VShardMap::even(2));
  int same = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "doc-" + std::to_string(i);
    same += one.of(TenantId{1}, key) == other.of(TenantId{1}, key) ? 1 : 0;
  }
  EXPECT_LT(same, 20);
}

TEST(VShardMapTest, SpreadsKeysAndTenants) {
  const VShardMap map({7, 9}, VShardMap::even(1));
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 20'000; ++i) seen.insert(map.of(TenantId{1}, "doc-" + std::to_string(i)).value());
  EXPECT_EQ(seen.size(), kVShards);
  EXPECT_NE(map.of(TenantId{1}, "users"), map.of(TenantId{2}, "users"));
}

}  // namespace
}  // namespace stator::bridge
