// How far the lanes' bases are, and so which part of the log nobody needs any more. A backup holds
// the gate while it copies; what became unneeded meanwhile goes when it lets go. And some of the
// log is kept for readers of changes, by size and by age, as long as the disk has room.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "wal/log.h"

namespace stator::server {

// The log that is kept although no lane needs it. It goes when one of the two is exceeded, in whole
// parts; the part that is written always stays.
struct History {
  std::uint64_t bytes = 0;  // on the disk, of the whole log
  std::uint64_t ms = 0;     // age of the newest record of a part
};

// The first LSN of the history. `parts` as wal::Log::parts().
Lsn begin_of(const History& history, std::span<const wal::LogPart> parts, std::uint64_t now_ms);

// Any thread.
class TrimGate {
 public:
  TrimGate(wal::Log& log, std::vector<Lsn> applied, const History& history = {},
           Clock& clock = system_clock())
      : log_(log), history_(history), clock_(clock), applied_(std::move(applied)) {}

  // The base of `lane` holds every record of it up to `lsn`.
  void on_applied(LaneId lane, Lsn lsn);
  // Of the lane that is furthest behind.
  Lsn oldest_applied() const;

  void hold();
  void release();

 private:
  Lsn oldest_locked() const;
  void trim_locked();

  wal::Log& log_;
  const History history_;
  Clock& clock_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Lsn> applied_;  // by lane
  bool is_held_ = false;
};

// Holds a gate as long as it lives, at most.
class TrimHold {
 public:
  explicit TrimHold(TrimGate& gate) : gate_(gate) { gate_.hold(); }
  ~TrimHold() { gate_.release(); }
  TrimHold(const TrimHold&) = delete;
  TrimHold& operator=(const TrimHold&) = delete;

 private:
  TrimGate& gate_;
};

}  // namespace stator::server
