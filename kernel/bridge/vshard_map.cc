#include "bridge/vshard_map.h"

namespace stator::bridge {

std::array<std::uint16_t, kVShards> VShardMap::even(std::uint32_t lanes) {
  std::array<std::uint16_t, kVShards> table{};
  for (std::uint32_t i = 0; i < kVShards; ++i) {
    table[i] = static_cast<std::uint16_t>(i * lanes / kVShards);
  }
  return table;
}

VShardId VShardMap::of(TenantId tenant, ByteView routing_key) const {
  const HashKey tenant_key{key_.k0 ^ tenant.value(), key_.k1};
  return VShardId{static_cast<std::uint32_t>(keyed_hash(tenant_key, routing_key) % kVShards)};
}

}  // namespace stator::bridge
