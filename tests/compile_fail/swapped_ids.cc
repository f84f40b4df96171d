// must not compile: could not convert|cannot convert|no matching function
// A tenant where a vShard is due.
#include "base/ids.h"

namespace stator {

LaneId lane_of(VShardId vshard) { return LaneId{vshard.value()}; }

LaneId test(TenantId tenant, VShardId vshard) {
#ifdef ALLOWED
  static_cast<void>(tenant);
  return lane_of(vshard);
#else
  static_cast<void>(vshard);
  return lane_of(tenant);
#endif
}

}  // namespace stator
