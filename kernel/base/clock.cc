#include "base/clock.h"

#include <ctime>

namespace stator {
namespace {

std::uint64_t read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

class SystemClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override { return read(CLOCK_MONOTONIC); }
  std::uint64_t wall_ms() override { return read(CLOCK_REALTIME) / 1'000'000u; }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace stator
