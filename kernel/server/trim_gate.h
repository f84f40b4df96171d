// How far the lanes' bases are, and so which part of the log nobody needs any more. A backup holds
// the gate while it copies; what became unneeded meanwhile goes when it lets go.
#pragma once

#include <mutex>
#include <vector>

#include "base/ids.h"
#include "wal/log.h"

namespace stator::server {

// Any thread.
class TrimGate {
 public:
  TrimGate(wal::Log& log, std::vector<Lsn> applied) : log_(log), applied_(std::move(applied)) {}

  // The base of `lane` holds every record of it up to `lsn`.
  void on_applied(LaneId lane, Lsn lsn);
  // Of the lane that is furthest behind.
  Lsn oldest_applied() const;

  void hold();
  void release();

 private:
  Lsn oldest_locked() const;

  wal::Log& log_;
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
