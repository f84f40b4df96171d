// Strong integers: a tenant cannot be passed where a vShard is due.
#pragma once

#include <compare>
#include <cstdint>

namespace stator {

template <class Tag, class Rep>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  Rep value_ = 0;
};

using TenantId = Id<struct TenantTag, std::uint32_t>;
using VShardId = Id<struct VShardTag, std::uint32_t>;
using LaneId = Id<struct LaneTag, std::uint32_t>;
using Lsn = Id<struct LsnTag, std::uint64_t>;
// Number of an engine within one data directory, given by a dictionary record of the log.
using EngineNumber = Id<struct EngineTag, std::uint16_t>;

// State that every lane keeps (an index definition, a policy); never the owner of ordinary data.
inline constexpr VShardId kEveryVShard{0xffff};

}  // namespace stator
