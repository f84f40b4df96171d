// Time behind an interface, so that tests and the simulator own it.
#pragma once

#include <cstdint>

namespace stator {

class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds that never go back.
  virtual std::uint64_t monotonic_ns() = 0;
  // Unix milliseconds.
  virtual std::uint64_t wall_ms() = 0;
};

// The machine's clocks. Any thread.
Clock& system_clock();

}  // namespace stator
