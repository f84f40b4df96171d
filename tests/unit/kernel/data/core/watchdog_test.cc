#include "data/core/watchdog.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace stator::core {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

class StoppedClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override { return now_ns; }
  std::uint64_t wall_ms() override { return 1; }
  std::atomic<std::uint64_t> now_ns{1};
};

void wait_for(const std::uint32_t& interrupt) {
  while (__atomic_load_n(&interrupt, __ATOMIC_RELAXED) == 0) std::this_thread::yield();
}

TEST(WatchdogTest, RaisesTheInterruptOfACancelledRequest) {
  StoppedClock clock;
  Watchdog watchdog(2, clock);
  std::uint32_t interrupts[2] = {};
  std::atomic<bool> cancelled[2] = {};
  for (std::uint32_t lane : {0u, 1u}) watchdog.watch(lane, kNever, &cancelled[lane], &interrupts[lane]);
  cancelled[1] = true;
  wait_for(interrupts[1]);
  watchdog.unwatch(0);
  EXPECT_EQ(interrupts[0], 0u);
  watchdog.unwatch(1);
}

TEST(WatchdogTest, RaisesTheInterruptAtTheDeadline) {
  StoppedClock clock;
  Watchdog watchdog(1, clock);
  std::uint32_t interrupt = 0;
  const std::atomic<bool> cancelled{false};
  watchdog.watch(0, 100, &cancelled, &interrupt);
  clock.now_ns = 100;
  wait_for(interrupt);
  watchdog.unwatch(0);
}

}  // namespace
}  // namespace stator::core
