// The order in which a connection's requests are executed. Those without `id` do to the same data
// what they do in the order in which they were sent. A lane keeps that order by itself among
// requests of one priority that it runs to their end; another priority has its own queue, and a
// read that pauses lets others pass. So a request waits here while an earlier one of another
// priority is open, and a write also while an earlier read is that may pause. Reads do not wait for
// reads.
#include "control/gate/gate.h"
#include "control/session/session.h"

namespace stator::session {

using bridge::Task;

namespace {

bool is_batch(const ops::OpEntry& entry) { return entry.op == nullptr; }

}  // namespace

bool Session::is_open(std::uint64_t request_id) const {
  return head_ <= request_id && !slots_[request_id & (slots_.size() - 1)].is_done;
}

bool Session::may_overtake(const Waiting& one) const {
  if (one.task->priority != ordered_priority_ && is_open(ordered_id_)) return true;
  const bool is_write = is_batch(*one.entry) || one.entry->row->op_class == STATOR_OP_WRITE;
  return is_write && is_open(long_id_);
}

void Session::send_in_order(const ops::OpEntry& entry, Task* task) {
  const bool is_ordered = task->client_id.empty();
  if (is_ordered && (!waiting_.empty() || may_overtake({task, &entry}))) {
    waiting_.push_back({task, &entry});
    return;
  }
  dispatch(entry, task);
}

void Session::dispatch(const ops::OpEntry& entry, Task* task) {
  if (task->client_id.empty()) {
    ordered_id_ = task->request_id;
    ordered_priority_ = task->priority;
    if ((entry.row->flags & STATOR_OP_PAUSES) != 0) long_id_ = task->request_id;
  }
  auto sent = is_batch(entry) ? host_.dispatcher->dispatch_batch(task)
                              : host_.dispatcher->dispatch(task, gate::route_of(entry));
  if (!sent.ok()) return refuse(task, sent.error());
  if (is_batch(entry) && !task->children.empty()) barrier_ = task;
}

void Session::carry_out_waiting() {
  if (is_carrying_out_) return;  // one of them was refused, and so answered
  is_carrying_out_ = true;
  while (!waiting_.empty() && !may_overtake(waiting_.front())) {
    const Waiting next = waiting_.front();
    waiting_.pop_front();
    dispatch(*next.entry, next.task);
  }
  is_carrying_out_ = false;
}

}  // namespace stator::session
