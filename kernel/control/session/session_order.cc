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

// Of those that were dispatched before it in the same order.
bool Session::is_open_before(const Task& task, bool (*is_meant)(const Slot&)) const {
  for (std::uint64_t id = head_; id < task.request_id; ++id) {
    const Slot& one = slots_[id & (slots_.size() - 1)];
    if (one.is_ordered && !one.is_done && is_meant(one)) return true;
  }
  return false;
}

// All that are open in the order have one priority: another had to wait until none was.
bool Session::may_overtake(const Waiting& one) {
  const Task& task = *one.task;
  if (task.priority != ordered_priority_ &&
      is_open_before(task, [](const Slot&) { return true; })) {
    return true;
  }
  const bool is_write = is_batch(*one.entry) || one.entry->row->op_class == STATOR_OP_WRITE;
  if (!has_long_ || !is_write) return false;
  has_long_ = is_open_before(task, [](const Slot& slot) { return slot.is_long; });
  return has_long_;
}

void Session::dispatch(const ops::OpEntry& entry, Task* task) {
  auto sent = is_batch(entry) ? host_.dispatcher->dispatch_batch(task)
                              : host_.dispatcher->dispatch(task, gate::route_of(entry));
  if (!sent.ok()) return refuse(task, sent.error());
  if (is_batch(entry) && !task->children.empty()) barrier_ = task;
}

inline void Session::dispatch_ordered(const ops::OpEntry& entry, Task* task) {
  Slot& mine = slot(task->request_id);
  mine.is_ordered = true;
  mine.is_long = (entry.row->flags & STATOR_OP_PAUSES) != 0;
  has_long_ |= mine.is_long;
  ordered_priority_ = task->priority;
  dispatch(entry, task);
}

void Session::send_in_order(const ops::OpEntry& entry, Task* task) {
  if (!task->client_id.empty()) return dispatch(entry, task);
  const bool is_usual = waiting_.empty() && !has_long_ && task->priority == ordered_priority_;
  if (!is_usual && (!waiting_.empty() || may_overtake({task, &entry}))) {
    waiting_.push_back({task, &entry});
    return;
  }
  dispatch_ordered(entry, task);
}

void Session::carry_out_waiting() {
  if (is_carrying_out_) return;  // one of them was refused, and so answered
  is_carrying_out_ = true;
  while (!waiting_.empty() && barrier_ == nullptr && !may_overtake(waiting_.front())) {
    const Waiting next = waiting_.front();
    waiting_.pop_front();
    dispatch_ordered(*next.entry, next.task);
  }
  is_carrying_out_ = false;
}

}  // namespace stator::session
