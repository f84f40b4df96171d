// How many bytes of answers a lane has given to another one that has not taken them yet. Beyond a
// bound the requests of that lane wait where they are (docs/adr/0065-answers-on-their-way.md): a
// lane that is amid something long would else find gigabytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace stator::bridge {

class AnswersAway {
 public:
  explicit AnswersAway(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // ---- the lane that gives them --------------------------------------------------------------
  void give(std::size_t bytes) { given_ += bytes; }
  bool is_full() const { return given_ - taken_.load(std::memory_order_acquire) >= bytes_max_; }
  // False: there is room after all. True: the next take() says that this lane is to be woken.
  bool wait() {
    waits_.store(true, std::memory_order_seq_cst);
    return given_ - taken_.load(std::memory_order_seq_cst) >= bytes_max_;
  }

  // ---- the lane that takes them --------------------------------------------------------------
  // Whether the other one waits, and is to be woken.
  bool take(std::size_t bytes) {
    taken_.store(taken_.load(std::memory_order_relaxed) + bytes, std::memory_order_seq_cst);
    return waits_.load(std::memory_order_seq_cst) && waits_.exchange(false);
  }

 private:
  const std::size_t bytes_max_;
  std::uint64_t given_ = 0;  // since start
  alignas(64) std::atomic<std::uint64_t> taken_{0};
  std::atomic<bool> waits_{false};
};

}  // namespace stator::bridge
