#include "data/core/task_queue.h"

#include <deque>

#include <gtest/gtest.h>

namespace stator::core {
namespace {

TEST(TaskQueueTest, AgreesWithADeque) {
  std::vector<bridge::Task> tasks(1000);
  TaskQueue queue;
  std::deque<bridge::Task*> model;
  std::size_t next = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < (round * 37) % 90; ++i) {
      bridge::Task* task = &tasks[next++ % tasks.size()];
      queue.push_back(task);
      model.push_back(task);
    }
    for (int i = 0; i < (round * 53) % 80 && !model.empty(); ++i) {
      ASSERT_EQ(queue.front(), model.front());
      queue.pop_front();
      model.pop_front();
    }
    ASSERT_EQ(queue.size(), model.size());
    for (std::size_t i = 0; i < model.size(); ++i) ASSERT_EQ(queue[i], model[i]);
  }
  EXPECT_GT(model.size(), 100u);  // it grew beyond its first memory
}

TEST(TaskQueueTest, TakesSomeOutAndKeepsTheOrderOfTheRest) {
  std::vector<bridge::Task> tasks(10);
  TaskQueue queue;
  for (bridge::Task& task : tasks) queue.push_back(&task);
  std::vector<bridge::Task*> taken;
  queue.take_out_if([&](bridge::Task* task) {
    const bool is_odd = (task - tasks.data()) % 2 == 1;
    if (is_odd) taken.push_back(task);
    return is_odd;
  });
  ASSERT_EQ(queue.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(queue[i], &tasks[2 * i]);
    EXPECT_EQ(taken[i], &tasks[2 * i + 1]);
  }
}

}  // namespace
}  // namespace stator::core
