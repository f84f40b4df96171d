// What a session remembers to keep its requests in their order (session_order.cc).
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>

#include "bridge/task.h"
#include "control/ops/op_table.h"

namespace stator::session {

// A request of a connection, from its frame to its answer. An answer that waits for its turn is
// kept as a task and written when the turn comes, so that the watermark never goes back from one
// frame to the next.
struct Slot {
  bridge::Task* task = nullptr;
  std::unique_ptr<std::string> members;  // the answer is an ok frame with these, not a payload
  bridge::Task* request = nullptr;       // until it is answered; for its cancellation
  bool is_done = false;
  bool is_ordered = false;  // dispatched, and has no `id`
  bool is_write = false;    // of these
  bool is_long = false;     // of these, a read that may pause
  bool is_early = false;    // of these, its min_lsn was not reached when it was dispatched
  bool is_given_up = false;
  std::size_t bytes = 0;  // of the request, as the session counts them
};

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
  bool has_long = false;   // one that may pause, and may still be open
  bool has_early = false;  // one whose min_lsn was not reached, and may still be open
};

}  // namespace stator::session
