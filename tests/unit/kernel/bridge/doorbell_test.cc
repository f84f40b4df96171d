#include "bridge/doorbell.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace stator::bridge {
namespace {

bool is_signalled(const Doorbell& bell) {
  pollfd fd{bell.fd(), POLLIN, 0};
  return poll(&fd, 1, 0) == 1;
}

TEST(DoorbellTest, ARingWhileAwakeForbidsSleeping) {
  Doorbell bell;
  bell.ring();
  EXPECT_FALSE(is_signalled(bell)) << "no system call while the lane is awake";
  EXPECT_FALSE(bell.about_to_sleep());
  bell.awake();
  EXPECT_TRUE(bell.about_to_sleep());
}

TEST(DoorbellTest, ARingWhileAsleepSignalsOnce) {
  Doorbell bell;
  ASSERT_TRUE(bell.about_to_sleep());
  bell.ring();
  bell.ring();
  EXPECT_TRUE(is_signalled(bell));
  bell.awake();
  EXPECT_FALSE(is_signalled(bell));
}

TEST(DoorbellTest, NoRingIsLostBetweenTwoThreads) {
  Doorbell bell;
  std::atomic<int> published{0};
  constexpr int kRounds = 20'000;
  std::thread ringer([&] {
    for (int i = 1; i <= kRounds; ++i) {
      published.store(i, std::memory_order_release);
      bell.ring();
    }
  });
  int seen = 0;
  while (seen < kRounds) {
    if (bell.about_to_sleep()) {
      pollfd fd{bell.fd(), POLLIN, 0};
      ASSERT_EQ(poll(&fd, 1, 30'000), 1) << "slept through a ring after " << seen;
    }
    bell.awake();
    seen = published.load(std::memory_order_acquire);
  }
  ringer.join();
}

}  // namespace
}  // namespace stator::bridge
