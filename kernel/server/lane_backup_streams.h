// A lane's side of backups that go to their clients: the tasks whose next part is asked for.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/thread_role.h"
#include "control/session/stream_desk.h"
#include "server/backup_worker.h"

namespace stator::server {

class LaneBackupStreams final : public session::StreamDesk {
 public:
  LaneBackupStreams(LaneId lane, BackupWorker& worker) : lane_(lane), worker_(worker) {}

  Status check(const bridge::Task& task) const override;
  Status open(bridge::Task& task) override STATOR_ON(lane);
  void more(bridge::Task& task) override STATOR_ON(lane);
  void close(bridge::Task& task) override STATOR_ON(lane);

  // More than one only between the end of a backup and the turn that takes its answer.
  std::size_t open_count() const STATOR_ON(lane) { return open_.size(); }
  // Gives every task that has its next part, or its last answer, to `answer`.
  void collect(const std::function<void(bridge::Task*)>& answer) STATOR_ON(lane);

 private:
  struct Open {
    bridge::Task* task = nullptr;
    BackupStream* stream = nullptr;
  };
  const LaneId lane_;
  BackupWorker& worker_;
  std::map<std::uint64_t, Open> open_;  // by the task's `stream`
  std::uint64_t last_number_ = 0;
};

}  // namespace stator::server
