// What a session remembers to keep its requests in their order (session_order.cc).
#pragma once

#include <list>

#include "bridge/task.h"
#include "control/ops/op_table.h"

namespace stator::session {

struct RequestOrder {
  // A request that was admitted and would overtake an earlier one.
  struct Waiting {
    bridge::Task* task;
    const ops::OpEntry* entry;
  };
  std::list<Waiting> waiting;  // a deque would take memory of every connection
  bool is_carrying_out = false;
  // Of the requests without `id` that were dispatched last.
  bridge::Priority priority = bridge::Priority::kNormal;
  bool has_long = false;  // one that may pause, and may still be open
};

}  // namespace stator::session
