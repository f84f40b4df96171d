#include "server/lane_stop.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/thread.h"

namespace stator::server {
namespace {

// Lanes that do nothing but look whether they are to stand still.
class LaneStopTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kLanes = 3;
  LaneStopTest() {
    for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
      threads_.emplace_back("lane", [this, lane] { loop(LaneId{lane}); });
    }
  }
  ~LaneStopTest() override { is_over_ = true; }
  void loop(LaneId lane) {
    ids_[lane.value()] = std::this_thread::get_id();
    while (!is_over_) {
      if (stop_.phase() == LaneStop::Phase::kDrain) stop_.set_drained(lane, lane != busy_.load());
      if (stop_.phase() == LaneStop::Phase::kPark) stop_.park(lane);
      ++turns_[lane.value()];
      std::this_thread::yield();
    }
  }

  LaneStop stop_{kLanes, [](LaneId) {}};
  std::atomic<bool> is_over_{false};
  std::atomic<LaneId> busy_{LaneId{kLanes}};
  std::array<std::atomic<std::uint64_t>, kLanes> turns_{};
  std::array<std::thread::id, kLanes> ids_{};  // by lane
  std::vector<io::Thread> threads_;
};

TEST_F(LaneStopTest, TheyStandUntilTheyAreToldToGoOn) {
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(stop_.stop(std::chrono::seconds(30)).ok());
    const std::uint64_t before = turns_[0] + turns_[1] + turns_[2];
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    EXPECT_EQ(turns_[0] + turns_[1] + turns_[2], before);
    stop_.go_on();
    while (turns_[0] + turns_[1] + turns_[2] == before) std::this_thread::yield();
  }
}

TEST_F(LaneStopTest, WorkRunsOnTheLanesOwnThread) {
  ASSERT_TRUE(stop_.stop(std::chrono::seconds(30)).ok());
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    std::thread::id where;
    Status done = stop_.run(LaneId{lane}, [&]() -> Status {
      where = std::this_thread::get_id();
      return Error(ErrorCode::kCancelled, "what it says comes back");
    });
    EXPECT_EQ(where, ids_[lane]);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code(), ErrorCode::kCancelled);
  }
  stop_.go_on();
}

TEST_F(LaneStopTest, ALaneThatDoesNotGetFreeLetsAllGoOn) {
  busy_ = LaneId{1};
  EXPECT_EQ(stop_.stop(std::chrono::milliseconds(1)).error().code(), ErrorCode::kBusy);
  EXPECT_EQ(stop_.phase(), LaneStop::Phase::kRun);
  busy_ = LaneId{kLanes};
  ASSERT_TRUE(stop_.stop(std::chrono::seconds(30)).ok());
  stop_.go_on();
}

}  // namespace
}  // namespace stator::server
