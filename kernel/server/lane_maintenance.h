// A lane's side of maintenance: the request waits here while the job runs.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_role.h"
#include "control/session/maintenance_desk.h"
#include "server/maintenance.h"

namespace stator::server {

class LaneMaintenance final : public session::MaintenanceDesk {
 public:
  LaneMaintenance(LaneId lane, Maintenance& worker) : lane_(lane), worker_(worker) {}

  Status submit(session::SessionOp op, bridge::Task* task, const std::string& user) override
      STATOR_ON(lane);

  // Adds the requests that are answered now.
  void collect(std::vector<bridge::Task*>& done) STATOR_ON(lane);
  // Requests that wait here: the lanes need not wait for them.
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::uint64_t ticket;
    bridge::Task* task;
  };

  const LaneId lane_;
  Maintenance& worker_;
  std::vector<Waiting> waiting_;
  std::uint64_t ticket_ = 0;  // of the newest job
};

}  // namespace stator::server
