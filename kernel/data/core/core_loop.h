// One lane's core: runs tasks against the engines, writes the log, keeps answers until they are
// durable. It never blocks; run() is one turn. It knows no socket and no connection.
//
// Thread: the lane's, for life.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "bridge/task.h"
#include "bridge/vshard_map.h"
#include "data/core/idempotency.h"
#include "data/core/parked_records.h"
#include "data/core/replay_progress.h"
#include "data/core/watchdog.h"
#include "data/host/call_context.h"
#include "wal/log.h"

namespace stator::core {

struct CoreOptions {
  LaneId lane;
  std::uint32_t lane_count = 1;
  const plugin::Catalog* catalog = nullptr;
  const bridge::ArgBinding* binding = nullptr;
  const bridge::VShardMap* vshards = nullptr;
  wal::Log* log = nullptr;
  store::Store* store = nullptr;
  Clock* clock = nullptr;
  Watchdog* watchdog = nullptr;
  // Every record of this lane up to this LSN is in its base; called when it advances.
  std::function<void(LaneId, Lsn)> on_applied;
  // At the end of recovery, if there are any: records of engines that are not enabled.
  std::function<void(const ParkedCounts&)> on_parked;
  ReplayProgress* progress = nullptr;  // may be none
};

class CoreLoop {
 public:
  explicit CoreLoop(const CoreOptions& options);
  ~CoreLoop();
  CoreLoop(const CoreLoop&) = delete;
  CoreLoop& operator=(const CoreLoop&) = delete;

  // Opens the engines' instances from the base, then applies this lane's records of the log's tail.
  Status recover();

  // One turn: takes `submitted` (emptied but for what must wait for the next turn), adds to
  // `answered` every task whose answer may be given now.
  void run(std::vector<bridge::Task*>& submitted, std::vector<bridge::Task*>& answered);

  // The monotonic time at which a waiting task must be looked at again; 0 = none.
  std::uint64_t next_deadline_ns() const;
  // Tasks that wait here for durability or for min_lsn.
  std::size_t waiting() const { return held_.size() + early_.size(); }

  // Writes everything into the base; only when nothing is waiting. For a clean stop.
  Status checkpoint();

 private:
  struct CallScope;

  void prefetch(std::span<bridge::Task* const> group);
  void execute(bridge::Task& task);
  void execute_read(bridge::Task& task);
  void execute_write(bridge::Task& task);
  void execute_merge(bridge::Task& task);
  bool answer_from_idempotency(bridge::Task& task);
  void commit(bridge::Task& task, stator_call& call);
  Status apply(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms);
  Status apply_kernel_record(const wal::RecordView& record, Lsn lsn);
  Status open_engines();
  Status give_back_parked();
  Status replay(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms);
  bool is_mine(VShardId vshard) const;
  stator_request request_of(const bridge::Task& task, const plugin::Op& op);
  void take_answer(bridge::Task& task, stator_call& call, stator_status status);
  Lsn seen_by(const bridge::Task& task) const;
  void settle(bridge::Task* task, std::vector<bridge::Task*>& answered);
  void release(std::vector<bridge::Task*>& answered);
  void retry_early(std::vector<bridge::Task*>& answered);
  bool must_wait_for_checkpoint();

  CoreOptions options_;
  host::LaneHost host_;
  stator_call call_;        // of the request that runs
  stator_call apply_call_;  // of the record that is applied
  wal::BatchBuilder batch_;
  IdempotencyTable idempotency_;
  ParkedRecords parked_;
  std::uint32_t interrupt_ = 0;
  std::uint64_t now_ns_ = 0;
  bool is_checkpointing_ = false;
  std::uint64_t checkpoint_not_before_ns_ = 0;  // after a failed one
  Lsn last_applied_;  // of this lane's records
  // Of the records of each vShard; [kVShards] is for records that every lane keeps.
  std::array<Lsn, kVShards + 1> last_of_{};
  std::deque<bridge::Task*> held_;   // answered, not yet durable; in order of answer_after
  std::vector<bridge::Task*> early_;  // min_lsn not reached yet
};

}  // namespace stator::core
