// Between the two planes of one lane: tasks in, answered tasks out, on one thread, without atomics.
// To other lanes the same tasks cross SPSC rings (lane_mesh.h).
#pragma once

#include <vector>

#include "bridge/task.h"

namespace stator::bridge {

struct CoreLink {
  std::vector<Task*> submitted;  // control -> core, in order of arrival
  std::vector<Task*> answered;   // core -> control (or back to another lane: task->origin)
};

}  // namespace stator::bridge
