#include "data/store/checkpointer.h"

#include <utility>

#include "base/assert.h"
#include "base/thread_role.h"
#include "io/paced_sync.h"

namespace stator::store {

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Checkpointer::start(const Memtable& frozen, Lsn up_to) {
  const std::lock_guard lock(mutex_);
  STATOR_ASSERT(state_ == State::kIdle);
  frozen_ = &frozen;
  up_to_ = up_to;
  state_ = State::kStarted;
  is_awaited_.store(false, std::memory_order_relaxed);
  if (!is_made_)
    thread_ = io::Thread("checkpoint", [this] {
      const ActsAs role(threads::checkpointer);
      run();
    });
  is_made_ = true;
  changed_.notify_all();
}

bool Checkpointer::is_ended() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kEnded;
}

void Checkpointer::wait() {
  is_awaited_.store(true, std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  STATOR_ASSERT(state_ != State::kIdle);
  changed_.wait(lock, [&] { return state_ == State::kEnded; });
}

Status Checkpointer::take_result() {
  const std::lock_guard lock(mutex_);
  STATOR_ASSERT(state_ == State::kEnded);
  state_ = State::kIdle;
  return std::exchange(result_, ok_status());
}

void Checkpointer::discard(std::unique_ptr<Memtable> memtable) {
  const std::lock_guard lock(mutex_);
  discarded_.push_back(std::move(memtable));
  changed_.notify_all();
}

// Requests go on beside it, and their writes are not to wait for it.
Status Checkpointer::write(const Memtable& frozen, Lsn up_to) {
  const io::PacedSync paced(is_awaited_);
  return base_.write(frozen, up_to);
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock,
                  [&] { return state_ == State::kStarted || is_stopping_ || !discarded_.empty(); });
    if (!discarded_.empty()) {
      auto garbage = std::exchange(discarded_, {});
      lock.unlock();
      garbage.clear();
      lock.lock();
      continue;
    }
    if (state_ != State::kStarted) return;
    const Memtable& frozen = *frozen_;
    const Lsn up_to = up_to_;
    lock.unlock();
    Status result = write(frozen, up_to);
    lock.lock();
    result_ = std::move(result);
    state_ = State::kEnded;
    changed_.notify_all();
    lock.unlock();
    if (on_end_) on_end_();
    lock.lock();
  }
}

}  // namespace stator::store
