#include "data/core/replay_progress.h"

#include <algorithm>
#include <cmath>

namespace stator::core {

ReplayProgress::ReplayProgress(std::uint32_t lanes, Clock& clock)
    : clock_(clock),
      begin_ns_(clock.monotonic_ns()),
      parts_(lanes),
      next_ns_(begin_ns_ + kIntervalNs) {}

std::optional<std::string> ReplayProgress::note(LaneId lane, std::uint64_t done,
                                                std::uint64_t total) {
  const std::uint64_t now = clock_.monotonic_ns();
  const std::lock_guard lock(mutex_);
  parts_[lane.value()] = {true, done, total};
  if (now < next_ns_) return std::nullopt;
  std::uint64_t all = 0;
  for (const Part& part : parts_) all = std::max(all, part.total);
  if (all <= kQuietRecords) return std::nullopt;
  // A lane that has less to read has the rest behind it.
  std::uint64_t replayed = 0;
  for (const Part& part : parts_) replayed += part.is_begun ? all - part.total + part.done : 0;
  replayed /= parts_.size();
  next_ns_ = now + kIntervalNs;
  std::string line =
      "replaying the log: " + std::to_string(replayed) + " of " + std::to_string(all) + " records";
  if (replayed == 0) return line;
  const double seconds = static_cast<double>(now - begin_ns_) * 1e-9;
  const double left = seconds * static_cast<double>(all - replayed) / static_cast<double>(replayed);
  return line + ", about " + std::to_string(std::llround(left)) + " s left";
}

}  // namespace stator::core
