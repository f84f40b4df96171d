// Waiting for a server that says "later".
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include "answer.h"
#include "failure.h"

namespace stator::client {

// Of one request: how often it was put off.
class Retry {
 public:
  // Waits as long as the answer asks for, or longer each time, up to two seconds. Throws Failure
  // (refused) after a minute or so of it.
  void wait(const Answer& answer) {
    if (++times_ > kTimesMax) {
      throw Failure(kExitRefused, "the server goes on to refuse: " + answer.sentence());
    }
    const std::uint64_t own = std::uint64_t{25} << std::min(times_, 6);
    const std::uint64_t ms = answer.retry_after_ms > 0 ? answer.retry_after_ms : own;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min<std::uint64_t>(ms, 2000)));
  }

 private:
  static constexpr int kTimesMax = 40;
  int times_ = 0;
};

}  // namespace stator::client
