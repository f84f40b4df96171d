// Looks at a request's interrupt word once in a while.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "stator/engine.hpp"

namespace stator::graph {

class InterruptCheck {
 public:
  explicit InterruptCheck(const Request& request) : request_(request) {}

  // To be called once a step. A step costs a few cache misses at most, so 256 of them stay below
  // the 100 microseconds that the engine contract gives.
  bool is_interrupted() {
    if (was_interrupted_) return true;
    if (++steps_ < kStepsPerLook) return false;
    steps_ = 0;
    return was_interrupted_ = request_.interrupted();
  }
  // Of a step that cost as much as so many; the next one looks if it is time.
  void spend(std::size_t steps) {
    steps_ = static_cast<std::uint32_t>(std::min<std::size_t>(steps_ + steps, kStepsPerLook));
  }
  // Looks now: what was promised to stop must not answer.
  bool is_interrupted_now() {
    was_interrupted_ = was_interrupted_ || request_.interrupted();
    return was_interrupted_;
  }

 private:
  static constexpr std::uint32_t kStepsPerLook = 256;
  const Request& request_;
  std::uint32_t steps_ = 0;
  bool was_interrupted_ = false;
};

}  // namespace stator::graph
