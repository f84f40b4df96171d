// Brings all lanes to a stand between two requests: nothing is open anywhere and nothing is taken,
// so that one other thread may change what all of them share, and have each do its part of it.
//
// The lanes stop reading; what is open is answered. A lane whose own requests are answered stays
// so, because it takes no new ones; when that holds for all of them no task exists, and they park.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"

namespace stator::server {

class LaneStop {
 public:
  enum class Phase : std::uint8_t { kRun, kDrain, kPark };

  // `ring(lane)` wakes a lane that sleeps.
  LaneStop(std::uint32_t lanes, std::function<void(LaneId)> ring);

  // ---- a lane's thread
  // ----------------------------------------------------------------------------
  Phase phase() const { return phase_.load(std::memory_order_acquire); }
  // In kDrain, each turn: whether none of this lane's requests is open.
  void set_drained(LaneId lane, bool is_drained) STATOR_ON(lane);
  // In kPark: stands still, does what run() brings, returns when the lanes go on.
  void park(LaneId lane) STATOR_ON(lane);

  // ---- one other thread
  // --------------------------------------------------------------------------- Returns when all
  // lanes are parked. Error kBusy: requests are still open after `patience`; the lanes go on then.
  Status stop(std::chrono::milliseconds patience) STATOR_ON(background);
  // While they stand: runs `work` on a lane's thread, and waits for it.
  Status run(LaneId lane, const std::function<Status()>& work) STATOR_ON(background);
  void go_on() STATOR_ON(background);

 private:
  void ring_all() const;

  const std::function<void(LaneId)> ring_;
  std::atomic<Phase> phase_{Phase::kRun};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<bool> drained_;
  std::size_t parked_ = 0;
  const std::function<Status()>* work_ = nullptr;  // for work_lane_
  LaneId work_lane_;
  Status result_;
};

}  // namespace stator::server
