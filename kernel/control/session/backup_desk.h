// How a session has a backup taken: by somebody who is not a lane.
#pragma once

#include "base/result.h"
#include "base/thread_role.h"
#include "bridge/task.h"

namespace stator::session {

// One per lane; its thread.
class BackupDesk {
 public:
  virtual ~BackupDesk() = default;
  // Whether it could be taken, as far as that is known without the disk.
  virtual Status check(const bridge::Task& task) const = 0;
  // Takes the task over; it comes back answered, like every task. Error: it stays the caller's.
  virtual Status submit(bridge::Task* task) STATOR_ON(lane) = 0;
};

}  // namespace stator::session
