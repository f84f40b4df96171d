#include "data/core/watchdog.h"

#include <chrono>

#include "base/thread_role.h"

namespace stator::core {
namespace {

constexpr auto kTick = std::chrono::milliseconds(2);
// Turns without a long operation before the thread sleeps until it is called.
constexpr int kIdleTurnsMax = 500;

}  // namespace

Watchdog::Watchdog(std::uint32_t lanes, Clock& clock) : clock_(clock) {
  for (std::uint32_t i = 0; i < lanes; ++i) slots_.push_back(std::make_unique<Slot>());
  thread_ = io::Thread("watchdog", [this] {
    const ActsAs role(threads::background);
    loop();
  });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Watchdog::watch(std::uint32_t lane, std::uint64_t deadline_ns, const std::atomic<bool>* cancelled,
                     std::uint32_t* interrupt) {
  Slot& slot = *slots_[lane];
  {
    const std::lock_guard lock(slot.mutex);
    slot.deadline_ns = deadline_ns;
    slot.cancelled = cancelled;
    slot.interrupt = interrupt;
  }
  // Pairs with the store in loop(): either it sees the slot or we see that it sleeps.
  if (asleep_.load(std::memory_order_seq_cst)) {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
}

void Watchdog::unwatch(std::uint32_t lane) {
  Slot& slot = *slots_[lane];
  const std::lock_guard lock(slot.mutex);
  slot.deadline_ns = 0;
}

// Raises what is due; true if anything runs.
bool Watchdog::look() {
  const std::uint64_t now = clock_.monotonic_ns();
  bool is_busy = false;
  for (const auto& slot : slots_) {
    const std::lock_guard lock(slot->mutex);
    if (slot->deadline_ns == 0) continue;
    is_busy = true;
    const bool is_over = now >= slot->deadline_ns || slot->cancelled->load(std::memory_order_relaxed);
    if (is_over) __atomic_store_n(slot->interrupt, 1u, __ATOMIC_RELAXED);
  }
  return is_busy;
}

void Watchdog::loop() {
  std::unique_lock lock(mutex_);
  int idle_turns = 0;
  while (!stop_) {
    idle_turns = look() ? 0 : idle_turns + 1;
    if (idle_turns < kIdleTurnsMax) {
      wake_.wait_for(lock, kTick);
      continue;
    }
    asleep_.store(true, std::memory_order_seq_cst);
    if (!look() && !stop_) wake_.wait(lock);
    asleep_.store(false, std::memory_order_seq_cst);
    idle_turns = 0;
  }
}

}  // namespace stator::core
