// Tasks in the order in which they came: a ring that keeps its memory, so that in steady state nothing
// is taken from the heap (a std::deque takes and gives back a block every 64 tasks).
//
// Thread: the lane's.
#pragma once

#include <cstddef>
#include <vector>

#include "base/assert.h"
#include "bridge/task.h"

namespace stator::core {

class TaskQueue {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // 0 is the oldest.
  bridge::Task* operator[](std::size_t i) const { return slots_[(first_ + i) & (slots_.size() - 1)]; }
  bridge::Task* front() const { return (*this)[0]; }
  void push_back(bridge::Task* task) {
    if (size_ == slots_.size()) grow();
    slots_[(first_ + size_) & (slots_.size() - 1)] = task;
    ++size_;
  }
  void push_front(bridge::Task* task) {
    if (size_ == slots_.size()) grow();
    first_ = (first_ + slots_.size() - 1) & (slots_.size() - 1);
    slots_[first_] = task;
    ++size_;
  }
  void pop_front() {
    STATOR_DASSERT(size_ > 0);
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
  }
  // Takes every task for which `is_done` is true out, in their order.
  template <class IsDone>
  void take_out_if(IsDone&& is_done) {
    for (std::size_t left = size_; left > 0; --left) {
      bridge::Task* task = front();
      pop_front();
      if (!is_done(task)) push_back(task);
    }
  }

 private:
  static constexpr std::size_t kSlotsMin = 64;
  void grow() {
    std::vector<bridge::Task*> larger(slots_.empty() ? kSlotsMin : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<bridge::Task*> slots_;  // a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace stator::core
