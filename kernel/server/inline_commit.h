// When a lane writes the log itself instead of handing it to the writer's thread: that saves two
// hand-offs between threads and makes fuller commits, but the lane does nothing else meanwhile. So
// only while those who have talked for some time wait for the log anyway
// (docs/adr/0061-inline-commits.md).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace stator::server {

// Of one lane; a value without time of its own. All times monotonic, in nanoseconds.
class InlineCommit {
 public:
  // What the lane sees when a turn is done but for the log.
  struct Turn {
    std::uint64_t now_ns = 0;
    std::uint64_t alone_since_ns = 0;  // one connection alone has talked since then
    std::uint64_t at_once_ns = 0;      // of the last answer of the core that waited for nothing
    std::size_t held = 0;              // answers that wait for the log
  };

  // Time for which one connection must have talked alone, or nobody must have been served who did
  // not wait for the log. Whoever comes then waits for one commit, and none is due for so long.
  static constexpr std::uint64_t kQuietNs = 10'000'000;
  // Answers for which the lane waits. More are worth executing the next requests meanwhile.
  static constexpr std::size_t kHeldMax = 64;
  // Beside a commit that takes longer a hand-off is nothing, and a wait is much: the next ones are
  // the writer's for kSlowFactor times as long, twice that when the one that is tried then is slow,
  // too, and so on.
  static constexpr std::uint64_t kSlowNs = 1'000'000;
  static constexpr std::uint64_t kSlowFactor = 10;
  static constexpr std::uint64_t kSlowPauseNsMax = 10'000'000'000;

  bool is_due(const Turn& turn) const {
    if (turn.held == 0 || turn.held > kHeldMax || turn.now_ns < not_before_ns_) return false;
    const std::uint64_t other_ns = std::max(turn.at_once_ns, served_ns_);
    return turn.now_ns > std::min(turn.alone_since_ns, other_ns) + kQuietNs;
  }
  // Somebody was served in this turn, or partly, who does not wait for the log.
  void served_other(std::uint64_t now_ns) { served_ns_ = now_ns; }
  // One that was due took so long.
  void took(std::uint64_t begin_ns, std::uint64_t end_ns) {
    const std::uint64_t time = end_ns - begin_ns;
    if (time <= kSlowNs) {
      factor_ = 0;
      return;
    }
    factor_ = std::clamp(2 * factor_, kSlowFactor, kSlowPauseNsMax / kSlowNs);
    not_before_ns_ = end_ns + std::min(factor_ * time, kSlowPauseNsMax);
  }

 private:
  std::uint64_t served_ns_ = 0;
  std::uint64_t not_before_ns_ = 0;
  std::uint64_t factor_ = 0;  // of the last pause; 0: the last commit was not slow
};

}  // namespace stator::server
