// Which vShard a key belongs to, and which lane owns a vShard. Any thread; it changes only while every
// lane stands still.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/limits.h"

namespace stator::bridge {

class VShardMap {
 public:
  VShardMap(const HashKey& key, std::array<std::uint16_t, kVShards> lanes)
      : key_(key), lanes_(lanes) {}
  // Spreads the vShards evenly over `lanes` lanes.
  static std::array<std::uint16_t, kVShards> even(std::uint32_t lanes);

  // The hash is seeded per data directory, so clients cannot aim at one lane.
  VShardId of(TenantId tenant, ByteView routing_key) const;
  LaneId lane_of(VShardId vshard) const { return LaneId{lanes_[vshard.value()]}; }
  void set_lane(VShardId vshard, LaneId lane) {
    lanes_[vshard.value()] = static_cast<std::uint16_t>(lane.value());
  }

 private:
  HashKey key_;
  std::array<std::uint16_t, kVShards> lanes_;
};

}  // namespace stator::bridge
