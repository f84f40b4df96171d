#include "server/lane_maintenance.h"

#include <utility>

#include "stator/args.hpp"

#include "base/assert.h"
#include "base/thread_role.h"
#include "server/digest.h"
#include "server/discard.h"
#include "server/vshard_move.h"

namespace stator::server {

using bridge::Task;
using session::SessionOp;

namespace {

MaintenanceWork work_of(SessionOp op, const Task& task, const std::string& user) {
  using namespace session;
  const Args args(reinterpret_cast<const stator_arg_block*>(task.args.data()));
  switch (op) {
    case SessionOp::kDigest:
      return [](const StandingServer& server) STATOR_ON(background) { return digest(server); };
    case SessionOp::kDiscardTo: {
      const Lsn to{args.u64(discard_args::kLsn)};
      return [to, user](const StandingServer& server)
                 STATOR_ON(background) { return discard_to(server, to, user); };
    }
    case SessionOp::kVShardMove: {
      const VShardId vshard{static_cast<std::uint32_t>(args.u64(move_args::kVShard))};
      const LaneId lane{static_cast<std::uint32_t>(args.u64(move_args::kLane))};
      return [vshard, lane](const StandingServer& server)
                 STATOR_ON(background) { return move_vshard(server, vshard, lane); };
    }
    default:
      break;
  }
  STATOR_ASSERT(false);
  return {};
}

}  // namespace

Status LaneMaintenance::submit(SessionOp op, Task* task, const std::string& user) {
  STATOR_CHECK(worker_.submit({lane_, ticket_ + 1, work_of(op, *task, user)}));
  waiting_.push_back({++ticket_, task});
  return ok_status();
}

void LaneMaintenance::collect(std::vector<Task*>& done) {
  if (waiting_.empty()) return;
  for (MaintenanceAnswer& one : worker_.take(lane_)) {
    std::erase_if(waiting_, [&](const Waiting& waiting) {
      if (waiting.ticket != one.ticket) return false;
      if (one.result.ok()) {
        waiting.task->payload.append(one.result.value());
      } else {
        waiting.task->refuse(one.result.error());
      }
      done.push_back(waiting.task);
      return true;
    });
  }
}

}  // namespace stator::server
