#include "data/core/replay_progress.h"

#include <gtest/gtest.h>

namespace stator::core {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMiB = 1024 * 1024;

class SteppedClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override { return now; }
  std::uint64_t wall_ms() override { return 0; }
  std::uint64_t now = 5 * kSecond;
};

TEST(ReplayProgressTest, SaysAtMostOnceASecondHowFarAndHowLong) {
  SteppedClock clock;
  ReplayProgress progress(1, clock);
  EXPECT_FALSE(progress.note(LaneId{0}, 10 * kMiB, 100 * kMiB));
  clock.now += kSecond;
  EXPECT_EQ(progress.note(LaneId{0}, 25 * kMiB, 100 * kMiB),
            "replaying the log: 26214400 of 104857600 records, about 3 s left");
  clock.now += kSecond - 1;
  EXPECT_FALSE(progress.note(LaneId{0}, 50 * kMiB, 100 * kMiB));
  clock.now += 1;
  EXPECT_EQ(progress.note(LaneId{0}, 50 * kMiB, 100 * kMiB),
            "replaying the log: 52428800 of 104857600 records, about 2 s left");
}

TEST(ReplayProgressTest, IsQuietForASmallLog) {
  SteppedClock clock;
  ReplayProgress progress(1, clock);
  clock.now += 100 * kSecond;
  EXPECT_FALSE(progress.note(LaneId{0}, kMiB, ReplayProgress::kQuietRecords));
  EXPECT_TRUE(progress.note(LaneId{0}, kMiB, ReplayProgress::kQuietRecords + 1));
}

TEST(ReplayProgressTest, TellsTheAverageOfTheLanes) {
  SteppedClock clock;
  ReplayProgress progress(2, clock);
  EXPECT_FALSE(progress.note(LaneId{1}, 0, 40 * kMiB));  // 60 of 100 are behind it
  clock.now += kSecond;
  EXPECT_EQ(progress.note(LaneId{0}, 40 * kMiB, 100 * kMiB),
            "replaying the log: 52428800 of 104857600 records, about 1 s left");
}

}  // namespace
}  // namespace stator::core
