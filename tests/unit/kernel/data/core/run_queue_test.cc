#include "data/core/run_queue.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace stator::core {
namespace {

using bridge::Priority;
using bridge::Task;

class RunQueueTest : public testing::Test {
 protected:
  void push(Priority priority, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Task* task = pool_.take();
      task->priority = priority;
      task->request_id = ++pushed_;
      queue_.push(task);
    }
  }
  // How many of each class, lowest first, come out of `count` turns.
  std::vector<std::size_t> taken(std::size_t count) {
    std::vector<std::size_t> by_class(kPriorityWeights.size());
    for (std::size_t i = 0; i < count; ++i) {
      ++by_class[static_cast<std::size_t>(queue_.take()->priority)];
    }
    return by_class;
  }

  bridge::TaskPool pool_;
  RunQueue queue_;
  std::uint64_t pushed_ = 0;
};

TEST_F(RunQueueTest, GivesTheClassesTheirSharesWhileAllAreWaiting) {
  for (const Priority one :
       {Priority::kBackground, Priority::kNormal, Priority::kHigh, Priority::kCritical}) {
    push(one, 1000);
  }
  EXPECT_EQ(taken(850), (std::vector<std::size_t>{10, 40, 160, 640}));
}

TEST_F(RunQueueTest, TheHighestComesFirstAndTheLowestIsNotLeftOut) {
  push(Priority::kBackground, 2);
  push(Priority::kHigh, 40);
  EXPECT_EQ(taken(16), (std::vector<std::size_t>{0, 0, 16, 0}));
  EXPECT_EQ(taken(1), (std::vector<std::size_t>{1, 0, 0, 0})) << "its turn, while high ones wait";
}

TEST_F(RunQueueTest, AClassAloneNeedsNoRounds) {
  push(Priority::kBackground, 10);
  EXPECT_EQ(taken(10), (std::vector<std::size_t>{10, 0, 0, 0}));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(RunQueueTest, KeepsTheOrderWithinAClass) {
  push(Priority::kNormal, 3);
  push(Priority::kHigh, 1);
  EXPECT_EQ(queue_.size(Priority::kNormal), 3u);
  EXPECT_EQ(queue_.take()->request_id, 4u);
  for (const std::uint64_t id : {1u, 2u, 3u}) EXPECT_EQ(queue_.take()->request_id, id);
}

}  // namespace
}  // namespace stator::core
