// Tells long operations that their time is over. One thread; sleeps while no long operation runs,
// so an idle server wakes nobody. Resolution: 2 ms.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/thread_role.h"
#include "io/thread.h"

namespace stator::core {

class Watchdog {
 public:
  Watchdog(std::uint32_t lanes, Clock& clock);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // [lane] From now until unwatch, *interrupt becomes 1 once `deadline_ns` has passed or `*cancelled`
  // is set.
  void watch(std::uint32_t lane, std::uint64_t deadline_ns, const std::atomic<bool>* cancelled,
             std::uint32_t* interrupt) STATOR_ON(lane);
  void unwatch(std::uint32_t lane) STATOR_ON(lane);

 private:
  struct Slot {
    std::mutex mutex;  // held for a few instructions by lane and watchdog
    std::uint64_t deadline_ns = 0;  // 0 = nothing runs
    const std::atomic<bool>* cancelled = nullptr;
    std::uint32_t* interrupt = nullptr;
  };
  void loop() STATOR_ON(background);
  bool look() STATOR_ON(background);

  Clock& clock_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> asleep_{false};
  bool stop_ = false;
  io::Thread thread_;
};

}  // namespace stator::core
