// Says how far a long replay of the log has come.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace stator::core {

// Every lane reads the whole log; what is told is their average.
class ReplayProgress {
 public:
  // Shorter replays are over before anybody asks.
  static constexpr std::uint64_t kQuietRecords = 200'000;
  static constexpr std::uint64_t kIntervalNs = 1'000'000'000;

  ReplayProgress(std::uint32_t lanes, Clock& clock);

  // `lane` has read `done` of the `total` records it has to read. A line for the log, if it is time
  // for one: at most one a second. Any thread.
  std::optional<std::string> note(LaneId lane, std::uint64_t done, std::uint64_t total);

 private:
  struct Part {
    bool is_begun = false;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
  };

  Clock& clock_;
  const std::uint64_t begin_ns_;
  std::mutex mutex_;  // guards what follows
  std::vector<Part> parts_;
  std::uint64_t next_ns_;
};

}  // namespace stator::core
