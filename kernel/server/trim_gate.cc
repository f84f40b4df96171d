#include "server/trim_gate.h"

#include <algorithm>

namespace stator::server {

// From the newest part back. The newest record of a part is as old as the first one of the next.
Lsn begin_of(const History& history, std::span<const wal::LogPart> parts, std::uint64_t now_ms) {
  std::size_t begin = parts.size() - 1;
  std::uint64_t bytes = parts[begin].bytes;
  while (begin > 0) {
    const wal::LogPart& part = parts[begin - 1];
    const std::uint64_t newest_ms = parts[begin].begin_ms;
    // The next part has no record yet: this one is as new as can be.
    const bool is_young = newest_ms == 0 ? history.ms > 0 : newest_ms + history.ms > now_ms;
    if (!is_young || bytes + part.bytes > history.bytes) break;
    bytes += part.bytes;
    --begin;
  }
  return parts[begin].first;
}

Lsn TrimGate::oldest_locked() const { return *std::min_element(applied_.begin(), applied_.end()); }

void TrimGate::on_applied(LaneId lane, Lsn lsn) {
  const std::lock_guard lock(mutex_);
  applied_[lane.value()] = lsn;
  if (!is_held_) trim_locked();
}

Lsn TrimGate::oldest_applied() const {
  const std::lock_guard lock(mutex_);
  return oldest_locked();
}

void TrimGate::hold() {
  const std::lock_guard lock(mutex_);
  is_held_ = true;
  log_.allow_trim(Lsn{0});
}

void TrimGate::release() {
  const std::lock_guard lock(mutex_);
  is_held_ = false;
  trim_locked();
}

void TrimGate::trim_locked() {
  const Lsn history = begin_of(history_, log_.parts(), clock_.wall_ms());
  const Lsn needed{oldest_locked().value() + 1};
  log_.trim(std::min(needed, history));
  log_.allow_trim(needed);
}

}  // namespace stator::server
