#include "server/lane_stop.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace stator::server {
LaneStop::LaneStop(std::uint32_t lanes, std::function<void(LaneId)> ring)
    : ring_(std::move(ring)), drained_(lanes) {}

void LaneStop::ring_all() const {
  for (std::uint32_t lane = 0; lane < drained_.size(); ++lane) ring_(LaneId{lane});
}

void LaneStop::set_drained(LaneId lane, bool is_drained) {
  const std::lock_guard lock(mutex_);
  if (drained_[lane.value()] == is_drained) return;
  drained_[lane.value()] = is_drained;
  changed_.notify_all();
}

void LaneStop::park(LaneId lane) {
  std::unique_lock lock(mutex_);
  ++parked_;
  changed_.notify_all();
  for (;;) {
    changed_.wait(
        lock, [&] { return phase() != Phase::kPark || (work_ != nullptr && work_lane_ == lane); });
    if (work_ == nullptr || work_lane_ != lane) break;
    const std::function<Status()>& work = *work_;
    lock.unlock();
    Status done = work();
    lock.lock();
    result_ = std::move(done);
    work_ = nullptr;
    changed_.notify_all();
  }
  --parked_;
  changed_.notify_all();
}

Status LaneStop::stop(std::chrono::milliseconds patience) {
  {
    const std::lock_guard lock(mutex_);
    std::fill(drained_.begin(), drained_.end(), false);
    phase_.store(Phase::kDrain, std::memory_order_release);
  }
  ring_all();
  const auto is_drained = [&] {
    return std::all_of(drained_.begin(), drained_.end(), [](bool one) { return one; });
  };
  {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, patience, is_drained)) {
      phase_.store(Phase::kPark, std::memory_order_release);
    } else {
      phase_.store(Phase::kRun, std::memory_order_release);
    }
  }
  ring_all();
  if (phase() == Phase::kRun) {
    return Error(ErrorCode::kBusy, "requests are still open that take long; try again later")
        .with_retry_after(kRetryBusyMs);
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return parked_ == drained_.size(); });
  return ok_status();
}

Status LaneStop::run(LaneId lane, const std::function<Status()>& work) {
  std::unique_lock lock(mutex_);
  STATOR_ASSERT(parked_ == drained_.size() && work_ == nullptr);
  work_ = &work;
  work_lane_ = lane;
  changed_.notify_all();
  changed_.wait(lock, [&] { return work_ == nullptr; });
  return std::move(result_);
}

void LaneStop::go_on() {
  std::unique_lock lock(mutex_);
  phase_.store(Phase::kRun, std::memory_order_release);
  changed_.notify_all();
  changed_.wait(lock, [&] { return parked_ == 0; });
}

}  // namespace stator::server
