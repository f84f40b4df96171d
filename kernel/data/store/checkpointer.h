// The thread that writes frozen memtables to the base, one at a time, and frees them: giving tens
// of megabytes back to the system takes milliseconds, which the lane does not have.
//
// The lane starts, asks and takes; the thread between start() and is_ended() reads the memtable and
// writes the base, so the lane must leave both alone (but for reading).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "data/store/lmdb_env.h"
#include "data/store/memtable.h"
#include "io/thread.h"

namespace stator::store {

class Checkpointer {
 public:
  Checkpointer(LmdbEnv& base, std::function<void()> on_end)
      : base_(base), on_end_(std::move(on_end)) {}
  ~Checkpointer();  // waits for a job that runs

  void start(const Memtable& frozen, Lsn up_to) STATOR_ON(lane);
  bool is_ended() const STATOR_ON(lane);
  // Until the job ended, which hurries now: nothing else is done meanwhile.
  void wait() STATOR_ON(lane);
  // Of the job that ended.
  Status take_result() STATOR_ON(lane);
  // Freed on the thread, soon. Only after the first start().
  void discard(std::unique_ptr<Memtable> memtable) STATOR_ON(lane);

 private:
  enum class State { kIdle, kStarted, kEnded };
  void run() STATOR_ON(checkpointer);
  Status write(const Memtable& frozen, Lsn up_to) STATOR_ON(checkpointer);

  LmdbEnv& base_;
  const std::function<void()> on_end_;
  std::atomic<bool> is_awaited_{false};

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  State state_ = State::kIdle;
  bool is_stopping_ = false;
  bool is_made_ = false;  // the thread, by the first start()
  const Memtable* frozen_ = nullptr;
  Lsn up_to_;
  Status result_;
  std::vector<std::unique_ptr<Memtable>> discarded_;

  io::Thread thread_;
};

}  // namespace stator::store
