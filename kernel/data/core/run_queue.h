// The requests that wait for their turn on a lane, by priority.
//
// Within a class the first comes first. Between the classes turns go by weight: in a round each
// class that has something waiting may take as many as its weight says, the highest first, so the
// highest waits least and the lowest is never left out.
//
// Thread: the lane's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "bridge/task.h"
#include "data/core/task_queue.h"

namespace stator::core {

class RunQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::size_t size(bridge::Priority priority) const { return of(priority).size(); }
  void push(bridge::Task* task) {
    classes_[static_cast<std::size_t>(task->priority)].push_back(task);
    ++size_;
  }
  // Before all of its priority.
  void push_front(bridge::Task* task) {
    classes_[static_cast<std::size_t>(task->priority)].push_front(task);
    ++size_;
  }
  // Whose turn it is; not when it is empty.
  bridge::Task* front() { return classes_[next_class()].front(); }
  // The same, and takes it out.
  bridge::Task* take() {
    const std::size_t at = next_class();
    bridge::Task* task = classes_[at].front();
    classes_[at].pop_front();
    --left_[at];
    --size_;
    return task;
  }
  // Takes every task for which `is_done` is true out.
  template <class IsDone>
  void take_out_if(IsDone&& is_done) {
    size_ = 0;
    for (TaskQueue& one : classes_) {
      one.take_out_if(is_done);
      size_ += one.size();
    }
  }

 private:
  const TaskQueue& of(bridge::Priority priority) const {
    return classes_[static_cast<std::size_t>(priority)];
  }

  std::size_t next_class() {
    STATOR_DASSERT(size_ > 0);
    for (;;) {
      for (std::size_t i = classes_.size(); i-- > 0;) {
        if (!classes_[i].empty() && left_[i] > 0) return i;
      }
      left_ = kPriorityWeights;
    }
  }

  std::array<TaskQueue, kPriorityWeights.size()> classes_;
  std::array<std::uint32_t, kPriorityWeights.size()> left_ = kPriorityWeights;  // in this round
  std::size_t size_ = 0;
};

}  // namespace stator::core
