// What ends with a call of an engine, whatever way its scope is left.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "bridge/task.h"
#include "data/core/watchdog.h"
#include "data/host/call_context.h"
#include "stator/op.h"

namespace stator::core {

// Ends the call, so that nothing of one request reaches the next.
class CallScope {
 public:
  explicit CallScope(stator_call& call) : call_(call) {}
  ~CallScope() { call_.end(); }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  stator_call& call_;
};

// While an op that may take long runs, the watchdog raises `interrupt` at its deadline, or when the
// client no longer wants it.
class WatchScope {
 public:
  WatchScope(Watchdog& watchdog, LaneId lane, const stator_op& row, const bridge::Task& task,
             std::uint32_t& interrupt)
      : watchdog_(watchdog), lane_(lane), interrupt_(interrupt), is_long_(row.cost != STATOR_COST_POINT) {
    if (!is_long_) return;
    __atomic_store_n(&interrupt_, 0u, __ATOMIC_RELAXED);
    watchdog_.watch(lane_.value(), task.deadline_ns, &task.is_cancelled, &interrupt_);
  }
  ~WatchScope() {
    if (!is_long_) return;
    watchdog_.unwatch(lane_.value());
    __atomic_store_n(&interrupt_, 0u, __ATOMIC_RELAXED);
  }
  WatchScope(const WatchScope&) = delete;
  WatchScope& operator=(const WatchScope&) = delete;

 private:
  Watchdog& watchdog_;
  const LaneId lane_;
  std::uint32_t& interrupt_;
  const bool is_long_;
};

}  // namespace stator::core
