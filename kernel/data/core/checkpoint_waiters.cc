#include "data/core/checkpoint_waiters.h"

#include <string>

namespace stator::core {

void CheckpointWaiters::reach(Lsn applied, std::vector<bridge::Task*>& answered) {
  std::erase_if(waiting_, [&](const Waiting& one) {
    if (one.up_to > applied) return false;
    one.task->payload.append(std::to_string(applied.value()));
    answered.push_back(one.task);
    return true;
  });
}

void CheckpointWaiters::fail(const Error& error, std::vector<bridge::Task*>& answered) {
  for (const Waiting& one : waiting_) {
    one.task->refuse(Error(error));
    answered.push_back(one.task);
  }
  waiting_.clear();
}

void CheckpointWaiters::expire(std::uint64_t now_ns, std::vector<bridge::Task*>& answered) {
  std::erase_if(waiting_, [&](const Waiting& one) {
    if (one.task->is_cancelled.load(std::memory_order_relaxed)) {
      one.task->refuse_as_cancelled();
      answered.push_back(one.task);
      return true;
    }
    if (one.task->deadline_ns > now_ns) return false;
    one.task->refuse(Error(ErrorCode::kDeadlineExceeded, "deadline_ms",
                           "the deadline passed before the checkpoint was done; it goes on"));
    answered.push_back(one.task);
    return true;
  });
}

std::uint64_t CheckpointWaiters::next_deadline_ns() const {
  std::uint64_t next = 0;
  for (const Waiting& one : waiting_) {
    if (next == 0 || one.task->deadline_ns < next) next = one.task->deadline_ns;
  }
  return next;
}

}  // namespace stator::core
