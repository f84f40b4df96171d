#include "bridge/doorbell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"

namespace stator::bridge {

Doorbell::Doorbell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { STATOR_ASSERT(fd_ >= 0); }
Doorbell::~Doorbell() { close(fd_); }

bool Doorbell::about_to_sleep() {
  std::uint32_t expected = kAwake;
  return state_.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel);
}

void Doorbell::awake() {
  // Acquire pairs with ring(): the work published before a ring is seen after this.
  if (state_.exchange(kAwake, std::memory_order_acq_rel) != kSignalled) return;
  std::uint64_t count = 0;
  while (read(fd_, &count, sizeof count) < 0) {
    // The ringer is between its exchange and its write.
  }
}

void Doorbell::ring() {
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    // A pending ring must still be ordered after our work: the exchange below makes it so.
    const std::uint32_t next = state == kAwake || state == kRung ? kRung : kSignalled;
    if (state_.compare_exchange_weak(state, next, std::memory_order_acq_rel)) break;
  }
  if (state != kSleeping) return;
  const std::uint64_t one = 1;
  STATOR_ASSERT(write(fd_, &one, sizeof one) == sizeof one);
}

}  // namespace stator::bridge
