// Takes backups on a thread of its own, one at a time, so that no lane waits for a disk.
//
// A job comes from a lane; its answer goes back through that lane's mailbox, whose doorbell is
// rung. Nobody needs to be there to take it: a backup into a directory goes on when its client has
// left. One that goes to its client is told of in the stream.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/thread_role.h"
#include "control/session/server_stats.h"
#include "io/thread.h"
#include "server/backup.h"
#include "server/backup_stream.h"

namespace stator::server {

struct BackupRequest {
  std::string name;
  std::string base;                // empty: a full backup. Of a stream it knows itself
  BackupStream* stream = nullptr;  // where it goes, the worker's; null: into a directory
};

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

  enum class Place { kDirectory, kStream };
  // Whether a backup could begin now: there is a place for it, the names are names, none runs. Any
  // thread.
  Status check(const BackupRequest& request, Place place) const;
  // Error: as check(). A lane's thread.
  Status submit(BackupJob job) STATOR_ON(lane);
  // A backup that goes to a client; release() it. Arguments: BackupStream. Error: as check().
  Result<BackupStream*> begin_stream(LaneId lane, const std::string& name,
                                     std::string base_manifest) STATOR_ON(lane);
  // Nobody asks it any more, whether it has ended or not.
  void release(BackupStream* stream) STATOR_ON(lane);
  // The answers for this lane. Its thread.
  std::vector<BackupAnswer> take(LaneId lane) STATOR_ON(lane);
  session::BackupFacts facts() const;
  // The backup that runs ends soon, with an error; no other begins. Any thread.
  void stop();

 private:
  Status check_locked(const BackupRequest& request, Place place) const;
  void start(BackupJob job);
  void forget(const BackupStream* stream);
  Result<BackupDone> take_one(const BackupRequest& request) STATOR_ON(background);
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
  // Until they are released and, one of them, no longer the job's.
  std::vector<std::unique_ptr<BackupStream>> streams_;
  bool is_released_ = false;  // that of the job

  io::Thread thread_;  // last: it uses all of the above
};

}  // namespace stator::server
