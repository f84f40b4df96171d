// How a session has something done that needs all lanes to stand still.
#pragma once

#include <string>

#include "base/result.h"
#include "base/thread_role.h"
#include "bridge/task.h"
#include "control/session/session_ops.h"

namespace stator::session {

// One per lane; its thread.
class MaintenanceDesk {
 public:
  virtual ~MaintenanceDesk() = default;
  // Takes the task over; it comes back answered, like every task. `user` is for the log. Error: it
  // stays the caller's.
  virtual Status submit(SessionOp op, bridge::Task* task, const std::string& user)
      STATOR_ON(lane) = 0;
};

}  // namespace stator::session
