// Does the slow password hashing on a thread of its own, so that no lane waits for it.
//
// Jobs come from lanes' threads; each answer goes back through the asking lane's mailbox, whose
// doorbell is rung. The queue is bounded: beyond kJobsMax a job is refused and the client told busy.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/thread_role.h"
#include "io/thread.h"
#include "system/stored_form.h"

namespace stator::auth {

struct PasswordJob {
  LaneId lane;
  std::uint64_t ticket = 0;  // the lane's own, handed back
  std::string password;
  std::string hash;          // to verify against; empty = make a hash
};

struct PasswordAnswer {
  std::uint64_t ticket = 0;
  bool matches = false;
  std::string hash;     // of a job without one
  system::Scram scram;  // likewise
};

class PasswordWorker {
 public:
  // `notify(lane)` is called on the worker's thread when an answer lies in that lane's mailbox.
  PasswordWorker(std::uint32_t lanes, std::function<void(LaneId)> notify);
  ~PasswordWorker();
  PasswordWorker(const PasswordWorker&) = delete;
  PasswordWorker& operator=(const PasswordWorker&) = delete;

  // False: the queue is full.
  bool submit(PasswordJob job) STATOR_ON(lane);
  // The answers for this lane. Its thread.
  std::vector<PasswordAnswer> take(LaneId lane) STATOR_ON(lane);

 private:
  static constexpr std::size_t kJobsMax = 256;  // some 8 s of work
  void loop() STATOR_ON(background);

  std::function<void(LaneId)> notify_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<PasswordJob> jobs_;
  std::vector<std::vector<PasswordAnswer>> answers_;
  std::vector<std::atomic<bool>> has_answers_;  // spares a lane the lock when there are none
  bool stop_ = false;
  io::Thread thread_;
};

}  // namespace stator::auth
