// Takes backups on a thread of its own, one at a time, so that no lane waits for a disk.
//
// A job comes from a lane; its answer goes back through that lane's mailbox, whose doorbell is
// rung. Nobody needs to be there to take it: a backup goes on when its client has left.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/thread_role.h"
#include "control/session/server_stats.h"
#include "io/thread.h"
#include "server/backup.h"

namespace stator::server {

struct BackupJob {
  LaneId lane;
  std::uint64_t ticket = 0;  // the lane's own, handed back
  BackupRequest request;
};

struct BackupAnswer {
  std::uint64_t ticket = 0;
  Result<BackupDone> result;
};

class BackupWorker {
 public:
  // `notify(lane)` is called on the worker's thread when an answer lies in that lane's mailbox.
  BackupWorker(BackupSources sources, std::uint32_t lanes, std::function<void(LaneId)> notify);
  ~BackupWorker();
  BackupWorker(const BackupWorker&) = delete;
  BackupWorker& operator=(const BackupWorker&) = delete;

  // Whether a backup could begin now: one is configured, the names are names, none runs. Any
  // thread.
  Status check(const BackupRequest& request) const;
  // Error: as check(). A lane's thread.
  Status submit(BackupJob job) STATOR_ON(lane);
  // The answers for this lane. Its thread.
  std::vector<BackupAnswer> take(LaneId lane) STATOR_ON(lane);
  session::BackupFacts facts() const;
  // The backup that runs ends soon, with an error; no other begins. Any thread.
  void stop();

 private:
  Status check_locked(const BackupRequest& request) const;
  void loop() STATOR_ON(background);
  void note(const BackupRequest& request, Result<BackupDone>& result) STATOR_ON(background);

  const BackupSources sources_;
  const std::function<void(LaneId)> notify_;
  std::atomic<bool> is_stopping_{false};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::optional<BackupJob> job_;  // until it is answered
  session::BackupFacts facts_;
  std::vector<std::vector<BackupAnswer>> answers_;  // by lane

  io::Thread thread_;  // last: it uses all of the above
};

}  // namespace stator::server
