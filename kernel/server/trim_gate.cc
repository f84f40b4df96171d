#include "server/trim_gate.h"

#include <algorithm>

namespace stator::server {

Lsn TrimGate::oldest_locked() const { return *std::min_element(applied_.begin(), applied_.end()); }

void TrimGate::on_applied(LaneId lane, Lsn lsn) {
  const std::lock_guard lock(mutex_);
  applied_[lane.value()] = lsn;
  if (!is_held_) log_.trim(Lsn{oldest_locked().value() + 1});
}

Lsn TrimGate::oldest_applied() const {
  const std::lock_guard lock(mutex_);
  return oldest_locked();
}

void TrimGate::hold() {
  const std::lock_guard lock(mutex_);
  is_held_ = true;
}

void TrimGate::release() {
  const std::lock_guard lock(mutex_);
  is_held_ = false;
  log_.trim(Lsn{oldest_locked().value() + 1});
}

}  // namespace stator::server
