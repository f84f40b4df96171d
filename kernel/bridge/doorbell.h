// Wakes a lane that sleeps in its event loop; costs one load when it was rung already.
//
// Sleeper:  if (about_to_sleep()) block on fd(), else look without blocking; then awake(), then
//           look for work.
// Ringer:   publish the work; ring().
// A ring between two awake() is never lost: about_to_sleep() refuses while one is pending.
#pragma once

#include <atomic>
#include <cstdint>

namespace stator::bridge {

class Doorbell {
 public:
  Doorbell();
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  int fd() const { return fd_; }
  // [sleeper] False: it was rung since the last awake().
  bool about_to_sleep();
  // [sleeper] From here on rings count anew; clears the signal.
  void awake();
  // [any thread]
  void ring();

 private:
  enum State : std::uint32_t {
    kAwake,
    kSleeping,
    kRung,      // while awake: no signal was sent
    kSignalled  // while sleeping: the eventfd was, or is about to be, written
  };
  int fd_;
  std::atomic<std::uint32_t> state_{kAwake};
};

}  // namespace stator::bridge
