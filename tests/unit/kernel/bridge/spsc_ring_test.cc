#include "bridge/spsc_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace stator::bridge {
namespace {

TEST(SpscRingTest, RefusesWhenFull) {
  SpscRing ring(2);
  std::array<Task, 3> tasks;
  const std::array<Task*, 3> in = {&tasks[0], &tasks[1], &tasks[2]};
  EXPECT_EQ(ring.push(in), 2u);
  std::array<Task*, 3> out{};
  EXPECT_EQ(ring.pop(out), 2u);
  EXPECT_EQ(out[0], &tasks[0]);
  EXPECT_EQ(out[1], &tasks[1]);
  EXPECT_TRUE(ring.empty());
}

TEST(SpscRingTest, KeepsOrderBetweenTwoThreads) {
  SpscRing ring(64);
  constexpr std::uint64_t kCount = 20'000;
  std::vector<Task> tasks(kCount);
  for (std::uint64_t i = 0; i < kCount; ++i) tasks[i].request_id = i;
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kCount;) {
      Task* one[] = {&tasks[i]};
      if (ring.push(one) == 1) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t next = 0;
  std::array<Task*, 16> out{};
  while (next < kCount) {
    const std::size_t got = ring.pop(out);
    if (got == 0) std::this_thread::yield();
    for (std::size_t i = 0; i < got; ++i) ASSERT_EQ(out[i]->request_id, next++);
  }
  producer.join();
}

}  // namespace
}  // namespace stator::bridge
