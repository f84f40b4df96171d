// What a connection's open requests hold, and how it gives way (ADR 48).
#include "control/session/session.h"
#include "control/session/session_ops.h"

namespace stator::session {

using bridge::Task;

namespace {

constexpr std::uint32_t kRetryRoomMs = 200;
constexpr std::uint32_t kRetryMemoryMs = 500;

bool is_batch(const ops::OpEntry& entry) {
  return entry.op == nullptr && static_cast<SessionOp>(entry.session_op) == SessionOp::kBatch;
}

}  // namespace

// What removes goes on, it may be what frees memory; and so do operators' ops, a checkpoint too.
Status check_memory(const SessionHost& host, const ops::OpEntry& entry) {
  const stator_op& row = *entry.row;
  if (host.memory_is_full == nullptr || !host.memory_is_full->load(std::memory_order_relaxed)) {
    return ok_status();
  }
  const bool adds = row.op_class == STATOR_OP_WRITE && (row.flags & STATOR_OP_REMOVES) == 0;
  if (!adds || is_operators(row) || is_batch(entry)) return ok_status();
  return Error(
             ErrorCode::kResourcesExhausted,
             "the server is at its memory limit: writes that add are refused until memory is free")
      .with_retry_after(kRetryMemoryMs);
}

void Session::count_open(Task& task) {
  Slot& mine = slot(task.request_id);
  task.count_held(host_.room.bytes);
  open_bytes_ += task.held_bytes - mine.bytes;
  mine.bytes = task.held_bytes;
  host_.room.note_growth();
}

// Small ones go on, and those of operators: one of them may be what helps.
Status Session::check_room(const ops::OpEntry& entry, const Task& task) const {
  if (!host_.room.is_full || task.args.size() <= host_.room.in_full_room()) return ok_status();
  if (is_operators(*entry.row)) return ok_status();
  return Error(ErrorCode::kBusy, "the requests that are open on this lane hold as much as they may")
      .with_retry_after(kRetryRoomMs);
}

template <class Act>
void Session::for_each_early(Act&& act) {
  const Lsn durable = host_.watermark();
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    Slot& one = slot(id);
    const bool is_known = one.request != nullptr && one.request != flow_.request;
    if (is_known && !one.is_given_up && one.request->min_lsn > durable) act(one);
  }
}

std::uint64_t Session::early_since_ns() {
  std::uint64_t first = 0;
  for_each_early([&](const Slot& one) {
    if (first == 0) first = one.request->arrived_ns;
  });
  return first;
}

void Session::give_up_early() {
  for_each_early([this](Slot& one) {
    one.is_given_up = true;
    own_host().dispatcher->cancel(one.request);
  });
}

void Session::explain_given_up(Task& task) {
  if (task.code != ErrorCode::kCancelled || !slot(task.request_id).is_given_up) return;
  task.refuse(Error(ErrorCode::kBusy,
                    "the request was given up: it waited for its 'min_lsn' where the requests that "
                    "are open hold too much")
                  .with_retry_after(kRetryRoomMs));
}

void Session::forget_request(Task& task) {
  if (task.is_partial) return;  // a stream that begins: what it may show is asked again and again
  for (Task* item : task.items) host_.pool->give_back(item);
  task.items.clear();
  task.forget_args();
}

}  // namespace stator::session
