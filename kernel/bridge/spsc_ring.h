// Bounded ring of tasks from one lane to one other: one producer, one consumer, always in batches.
// boost::lockfree::spsc_queue (measured equal to a custom ring when batched), kept out of headers.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "bridge/task.h"

namespace stator::bridge {

class SpscRing {
 public:
  explicit SpscRing(std::size_t slots);
  ~SpscRing();
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // [producer] How many of `tasks`, from the front, were taken up.
  std::size_t push(std::span<Task* const> tasks);
  // [consumer] How many were put into `into`.
  std::size_t pop(std::span<Task*> into);
  // [consumer] Nothing to pop.
  bool empty() const;

 private:
  struct Queue;
  std::unique_ptr<Queue> queue_;
};

}  // namespace stator::bridge
