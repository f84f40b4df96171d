// A lane's side of backups: the request waits here while the worker has its job. When the request's
// time is over it is answered, and the backup goes on.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_role.h"
#include "control/session/backup_desk.h"
#include "server/backup_worker.h"

namespace stator::server {

// Puts how a backup ended into its request.
void answer_backup(bridge::Task& task, Result<BackupDone>& result);

class LaneBackups final : public session::BackupDesk {
 public:
  LaneBackups(LaneId lane, BackupWorker& worker) : lane_(lane), worker_(worker) {}

  Status check(const bridge::Task& task) const override;
  Status submit(bridge::Task* task) override STATOR_ON(lane);

  // Adds the requests that are answered now.
  void collect(std::uint64_t now_ns, std::vector<bridge::Task*>& done) STATOR_ON(lane);
  // Of the first that ends; 0 = none waits.
  std::uint64_t next_deadline_ns() const;

 private:
  // More than one only between the end of a backup and the turn that takes its answer.
  struct Waiting {
    std::uint64_t ticket;
    bridge::Task* task;
  };
  void take_answers(std::vector<bridge::Task*>& done) STATOR_ON(lane);

  const LaneId lane_;
  BackupWorker& worker_;
  std::vector<Waiting> waiting_;
  std::uint64_t ticket_ = 0;  // of the newest job
  std::size_t open_ = 0;  // jobs whose answer was not taken: spares most turns the worker's lock
};

}  // namespace stator::server
