// Carries out what needs the whole server to stand still, on a thread of its own, one job at a
// time.
//
// A job comes from a lane; its answer goes back through that lane's mailbox, whose doorbell is
// rung.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "io/thread.h"
#include "server/standing_server.h"

namespace stator::server {

// The answer's payload as JSON.
using MaintenanceWork = std::function<Result<std::string>(const StandingServer&)>;

struct MaintenanceJob {
  LaneId lane;
  std::uint64_t ticket = 0;  // the lane's own, handed back
  MaintenanceWork work;
};

struct MaintenanceAnswer {
  std::uint64_t ticket = 0;
  Result<std::string> result;
};

class Maintenance {
 public:
  Maintenance(StandingServer server, std::function<void(LaneId)> notify);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  // Error kBusy: another one runs, or the server stops. A lane's thread.
  Status submit(MaintenanceJob job) STATOR_ON(lane);
  // The answers for this lane. Its thread.
  std::vector<MaintenanceAnswer> take(LaneId lane) STATOR_ON(lane);
  // Waits for the job that runs; no other begins. Not on a lane's thread.
  void stop();

 private:
  void loop() STATOR_ON(background);
  Result<std::string> carry_out(const MaintenanceWork& work) STATOR_ON(background);

  const StandingServer server_;
  const std::function<void(LaneId)> notify_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<MaintenanceJob> job_;  // until it is answered
  bool is_stopping_ = false;
  std::vector<std::vector<MaintenanceAnswer>> answers_;  // by lane

  io::Thread thread_;  // last: it uses all of the above
};

}  // namespace stator::server
