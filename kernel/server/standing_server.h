// What a maintenance job sees: the server while its lanes stand still.
#pragma once

#include <functional>
#include <string>

#include "base/limits.h"
#include "base/thread_role.h"
#include "bridge/tenant_drops.h"
#include "bridge/vshard_map.h"
#include "data/core/core_loop.h"
#include "io/file_system.h"
#include "server/lane_stop.h"
#include "server/layout.h"
#include "wal/log.h"

namespace stator::server {

struct StandingServer {
  io::FileSystem* files = nullptr;
  std::string data_dir;
  LaneStop* stop = nullptr;
  std::function<core::CoreLoop&(LaneId)> core;  // touched on its own thread only: in on_lane()
  bridge::VShardMap* vshards = nullptr;
  Layout* layout = nullptr;  // as it is stored
  wal::Log* log = nullptr;
  // What the control plane knows of users, roles and tenants: forgotten, and read from a lane's store.
  std::function<void()> forget_policy;
  std::function<void(store::Store&)> load_policy;
  const bridge::TenantDrops* drops = nullptr;  // may be none
  std::function<bool()> is_backup_running;  // it copies stores, placement and log, which must agree

  std::uint32_t lanes() const { return layout->lanes; }
  Status on_lane(LaneId lane, const std::function<Status(core::CoreLoop&)>& work) const
      STATOR_ON(background) {
    return stop->run(lane, [&]() STATOR_ON(lane) { return work(core(lane)); });
  }
  // Lane after lane; stops at the first error.
  Status on_each_lane(const std::function<Status(core::CoreLoop&)>& work) const
      STATOR_ON(background) {
    for (std::uint32_t lane = 0; lane < lanes(); ++lane) STATOR_CHECK(on_lane(LaneId{lane}, work));
    return ok_status();
  }
};

// Lanes remove the data of a dropped tenant, each for itself.
inline bool is_dropping(const StandingServer& server) {
  return server.drops != nullptr && !server.drops->is_empty();
}
inline Error drop_goes_on() {
  return Error(ErrorCode::kBusy, "the data of a dropped tenant is being removed")
      .with_retry_after(kRetryBusyMs);
}

}  // namespace stator::server
