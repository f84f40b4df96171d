// The order in which a connection's requests are executed. Those without `id` do to the same data
// what they do in the order in which they were sent. A lane keeps that order by itself among
// requests of one priority that it runs to their end; another priority has its own queue, and what
// waits for its min_lsn, and a read that pauses, let others pass. So a request waits here while an
// earlier one of another priority is open, or a write that waits for its min_lsn; a write also
// while an earlier read is that waits for one or may pause. Reads do not wait for reads.
#include <algorithm>

#include "control/gate/gate.h"
#include "control/session/session.h"

namespace stator::session {

using bridge::Task;

namespace {

bool is_batch(const ops::OpEntry& entry) { return entry.op == nullptr; }

bool is_write(const ops::OpEntry& entry) {
  return is_batch(entry) || entry.row->op_class == STATOR_OP_WRITE;
}

// It, or a request of a batch; those of an atomic one are carried out in one piece.
bool may_pause(const ops::OpEntry& entry, const Task& task, const plugin::Catalog& catalog) {
  if ((entry.row->flags & STATOR_OP_PAUSES) != 0) return true;
  return !task.is_atomic &&
         std::any_of(task.items.begin(), task.items.end(), [&](const Task* item) {
           return !item->is_in_one_piece &&
                  (catalog.ops()[item->op].row->flags & STATOR_OP_PAUSES) != 0;
         });
}

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
bool Session::may_overtake(const RequestOrder::Waiting& one) {
  const Task& task = *one.task;
  if (task.priority != order_.priority && is_open_before(task, [](const Slot&) { return true; })) {
    return true;
  }
  const bool writes = is_write(*one.entry);
  if (order_.has_early) {
    order_.has_early = is_open_before(task, [](const Slot& slot) { return slot.is_early; });
    const auto is_early_write = [](const Slot& slot) { return slot.is_early && slot.is_write; };
    if (order_.has_early && (writes || is_open_before(task, is_early_write))) return true;
  }
  if (!order_.has_long || !writes) return false;
  order_.has_long = is_open_before(task, [](const Slot& slot) { return slot.is_long; });
  return order_.has_long;
}

void Session::dispatch(const ops::OpEntry& entry, Task* task) {
  const dispatch::Route route = is_batch(entry) ? dispatch::Route{} : gate::route_of(entry);
  auto sent = is_batch(entry) ? own_host().dispatcher->dispatch_batch(task)
                              : own_host().dispatcher->dispatch(task, route);
  if (!sent.ok()) return refuse(task, sent.error());
  if (!task->children.empty()) count_open(*task);
  // A batch over lanes, or parts that are written together with the answer that is kept of them: a
  // later request would reach the last lane before these do.
  const bool is_round =
      !task->children.empty() && (is_batch(entry) || !task->idempotency_key.empty());
  if (is_round || route.is_together) barrier_ = task;
}

inline void Session::dispatch_ordered(const ops::OpEntry& entry, Task* task) {
  Slot& mine = slot(task->request_id);
  mine.is_ordered = true;
  mine.is_long = may_pause(entry, *task, host_.table->catalog());
  order_.has_long |= mine.is_long;
  mine.is_write = is_write(entry);
  mine.is_early = task->min_lsn > host_.watermark();
  if (!mine.is_early) task->min_lsn = Lsn{};  // it goes no way that leads by a place to wait
  order_.has_early |= mine.is_early;
  order_.priority = task->priority;
  dispatch(entry, task);
}

void Session::send_in_order(const ops::OpEntry& entry, Task* task) {
  count_open(*task);
  if (!task->client_id.empty()) return dispatch(entry, task);
  const bool is_usual = order_.waiting.empty() && !order_.has_long && !order_.has_early &&
                        task->priority == order_.priority;
  if (!is_usual && (!order_.waiting.empty() || may_overtake({task, &entry}))) {
    order_.waiting.push_back({task, &entry});
    return;
  }
  dispatch_ordered(entry, task);
}

void Session::carry_out_waiting() {
  if (order_.is_carrying_out) return;  // one of them was refused, and so answered
  order_.is_carrying_out = true;
  while (!order_.waiting.empty() && barrier_ == nullptr && !may_overtake(order_.waiting.front())) {
    const RequestOrder::Waiting next = order_.waiting.front();
    order_.waiting.pop_front();
    dispatch_ordered(*next.entry, next.task);
  }
  order_.is_carrying_out = false;
}

}  // namespace stator::session
