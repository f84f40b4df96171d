// One lane's core: runs tasks against the engines, writes the log, keeps answers until they are
// durable. It never blocks; run() is one turn. It knows no socket and no connection.
//
// Thread: the lane's, for life.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/thread_role.h"
#include "bridge/claim.h"
#include "bridge/task.h"
#include "bridge/vshard_map.h"
#include "data/core/answer_room.h"
#include "data/core/checkpoint_waiters.h"
#include "data/core/idempotency.h"
#include "data/core/long_reads.h"
#include "data/core/parked_records.h"
#include "data/core/replay_progress.h"
#include "data/core/run_queue.h"
#include "data/core/task_queue.h"
#include "data/core/tenant_eraser.h"
#include "data/core/watchdog.h"
#include "data/core/work_list.h"
#include "data/host/call_context.h"
#include "data/host/quarantine.h"
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
  // Each record of the kernel's own engine, when it has been applied.
  std::function<void(const wal::RecordView&)> on_system_record = {};
  bridge::TenantDrops* drops = nullptr;  // may be none
  // The record of the kernel's own engine that says that nothing is left of a dropped tenant.
  std::function<SystemRecord(TenantId)> end_of_drop = {};
  // What engines hold in memory for a tenant has changed by so many bytes.
  std::function<void(TenantId, std::int64_t)> on_memory = {};
  const host::Quarantine* quarantine = nullptr;  // null: nothing is kept away from its engine
  bridge::LaneMesh* mesh = nullptr;              // null: no other lane asks
};

// A turn of the lane's loop may have several parts: requests that have come so far, before more are
// read from the sockets. What must wait for its turn (RunQueue) has it in the last one.
enum class TurnPart : std::uint8_t { kMoreToCome, kLast };

class CoreLoop {
 public:
  explicit CoreLoop(const CoreOptions& options);
  ~CoreLoop();
  CoreLoop(const CoreLoop&) = delete;
  CoreLoop& operator=(const CoreLoop&) = delete;

  // Opens the engines' instances from the base, then applies this lane's records of the log's tail.
  Status recover() STATOR_ON(lane);

  // One turn, or a part of it: takes `submitted` (emptied but for what must wait for the next
  // turn), adds to `answered` every task whose answer may be given now.
  void run(std::vector<bridge::Task*>& submitted, std::vector<bridge::Task*>& answered,
           TurnPart part = TurnPart::kLast) STATOR_ON(lane);

  // The monotonic time at which a waiting task must be looked at again, or a checkpoint that failed
  // is to be tried; 0 = none.
  std::uint64_t next_deadline_ns() const;
  // Requests wait that the next turn can execute.
  bool has_ready() const {
    return !is_holding_ && !answers_.is_log_behind() &&
           (!ready_.empty() || long_reads_.count() > 0 || can_drop());
  }
  // Whether a turn may also do what nobody waits for: not while the lane is to come to a stand.
  // Then requests that wait for a min_lsn end as busy: nothing is taken that could bring it.
  void set_background(bool is_on) STATOR_ON(lane) { is_background_on_ = is_on; }
  // Tasks that wait here: for their turn, for durability, for min_lsn, for a checkpoint.
  std::size_t waiting() const {
    return held_.size() + early_.size() + ready_.size() + behind_rounds_.size() +
           long_reads_.count() + checkpoints_.count() + answers_.waiting() +
           (is_dropping() ? 1 : 0) + (is_work_ahead() ? 1 : 0);
  }
  // Of these: executed, but not durable yet.
  std::size_t held() const { return held_.size(); }
  // Of the turn in which the last request was executed whose answer waits for nothing, or work of
  // an engine, or the end of a write that all lanes did; monotonic.
  std::uint64_t at_once_ns() const { return at_once_ns_; }
  // For their turn, but for reads that take long.
  std::size_t ready() const { return ready_.size(); }
  // For their turn, or the next slice.
  std::size_t queued(bridge::Priority priority) const {
    return ready_.size(priority) + long_reads_.count(priority);
  }
  const LongReads& long_reads() const { return long_reads_; }
  bool is_checkpointing() const { return is_checkpointing_; }
  // Until one does not fail.
  bool has_checkpoint_failed() const { return !checkpoint_failure_.empty(); }
  // ---- background work of engines (core_work.cc), one turn at a time ---------------------------
  // True: its time has come and `task`, fresh from the pool, is made a turn of it, to be dispatched.
  bool begin_work(bridge::Task& task) STATOR_ON(lane);
  // It came back. Then the next one may begin.
  void end_work(const bridge::Task& task) STATOR_ON(lane);
  bool is_working() const { return works_for_.has_value(); }
  // Wall clock, in milliseconds: when begin_work() should be asked; none: nothing is to be done.
  std::optional<std::uint64_t> next_work_ms() const {
    if (is_working() || work_.empty()) return std::nullopt;
    return work_.next_ms();
  }
  // Requests that wait here for something to be applied, with their children; not in waiting(), for
  // they hold nothing up.
  std::size_t later_tasks() const;
  // They are answered in the next turn, as if their time were over.
  void end_later() STATOR_ON(lane);

  // Records of the log that recover() applied.
  std::uint64_t replayed() const { return replayed_; }

  // Writes everything into the base; only when nothing is waiting. For a clean stop.
  Status checkpoint() STATOR_ON(lane);

  // ---- while all lanes stand still and nothing is waiting; not in a turn --------------------------
  // Waits for a checkpoint that runs. Every record up to what is returned is in the base.
  Result<Lsn> finish_checkpoint() STATOR_ON(lane);
  // Forgets what is not in the base and applies the log's tail again: after the log was cut back. An
  // error leaves the lane useless.
  Status reload() STATOR_ON(lane);
  // Opens the engines' instances anew on the store as it is: after entries came or went otherwise than
  // by apply. The same of errors.
  Status reopen_engines() STATOR_ON(lane);
  store::Store& store() STATOR_ON(lane) { return *host_.store; }
  const plugin::Catalog& catalog() const { return *options_.catalog; }

 private:
  void step(bridge::Task* task, std::vector<bridge::Task*>& answered);
  bool is_early(const bridge::Task& task, Lsn durable) const;
  void prefetch(std::span<bridge::Task* const> group);
  void run_submitted(std::vector<bridge::Task*>& submitted, std::vector<bridge::Task*>& answered);
  void run_ready(std::vector<bridge::Task*>& answered);
  bool must_wait_its_turn(const bridge::Task& task) const;
  // Executes it, or lets it wait for a checkpoint.
  void take(bridge::Task* task, std::vector<bridge::Task*>& answered);
  void execute(bridge::Task& task);
  bool may_pause(const bridge::Task& task) const;
  void run_long_reads(std::vector<bridge::Task*>& answered);
  void execute_read(bridge::Task& task, stator_call& call);
  void execute_write(bridge::Task& task);
  void execute_merge(bridge::Task& task, stator_call& call);
  // Refuses what crashed its engine before; whether it did.
  bool refuse_quarantined(bridge::Task& task) const;
  // Work, core_work.cc.
  void execute_work(bridge::Task& task);
  // Into batch_ and the task.
  void prepare_work(bridge::Task& task);
  // One that this lane owns, or kEveryVShard.
  VShardId any_vshard() const;
  // Those that waited for something to be applied.
  void retry_later(std::vector<bridge::Task*>& answered);
  void merge_checkpoint(bridge::Task& task);
  bool answer_from_idempotency(bridge::Task& task);
  // Puts batch_ into the log; task.lsn is its first LSN.
  Status append(bridge::Task& task);
  // append(), and applies it. `seen`: what the answer waits for when there is nothing to write.
  void commit(bridge::Task& task, Lsn seen);
  Status apply(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms);
  Status apply_kernel_record(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms);
  Status open_engines() STATOR_ON(lane);
  void close_engines();
  // What is parked, then the log's tail.
  Status replay_all() STATOR_ON(lane);
  Status replay_tail() STATOR_ON(lane);
  Status give_back_parked() STATOR_ON(lane);
  Status replay(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) STATOR_ON(lane);
  // Atomic batches, core_batch.cc.
  void prepare_item(bridge::Task& item);
  // Into batch_; false: the batch was refused.
  bool prepare_items(bridge::Task& batch);
  void execute_batch(bridge::Task& batch);
  void prepare_batch(bridge::Task& part);
  void append_batch(bridge::Task& batch);
  // The answer of each request of a round that has an idempotency key.
  Status keep_answers(const bridge::Task& round);
  void apply_batch(const bridge::Task& part);
  void cancel_batch(bridge::Task& part);
  bool is_mine(VShardId vshard) const;
  // Claims, core_claims.cc. Whether the claims of a request that was prepared alone concern other
  // lanes; then nothing of it is written and its connection waits here until a round has done it.
  bool wants_round(const bridge::Task& task, bool is_shared) const;
  void ask_for_round(bridge::Task& task);
  // Of those lists the claims whose keys are this lane's.
  Status check_claims(std::span<const ByteView> lists, bool is_batch) const;
  Status check_key(std::span<const bridge::Claim> claims, bool is_batch) const;
  void check_batch(bridge::Task& part);
  bool is_behind_round(const bridge::Task& task) const;
  // The round has done these for good: what waited behind them goes on.
  void end_round(const bridge::Task& part);
  stator_request request_of(const bridge::Task& task, const plugin::Op& op, stator_call& call);
  void take_answer(bridge::Task& task, stator_call& call, stator_status status);
  Lsn seen_by(const bridge::Task& task) const;
  void settle(bridge::Task* task, std::vector<bridge::Task*>& answered);
  void release(std::vector<bridge::Task*>& answered);
  void expire_held(std::vector<bridge::Task*>& answered);
  void retry_early(std::vector<bridge::Task*>& answered);
  bool must_wait_for_checkpoint(std::vector<bridge::Task*>& answered) STATOR_ON(lane);
  bool must_wait_for_log(std::vector<bridge::Task*>& answered);
  void end_checkpoint(std::vector<bridge::Task*>& answered) STATOR_ON(lane);
  bool may_try_checkpoint() const;
  void note_checkpoint() STATOR_ON(lane);
  // It failed: the next one is tried some time later.
  void put_off_checkpoint(const Error& error);
  // Until it has ended.
  Status await_checkpoint() STATOR_ON(lane);
  Status checkpoint_of_replay(Lsn up_to) STATOR_ON(lane);
  // Tenants that are dropped, core_drops.cc. Whether the next step can be done now.
  bool can_drop() const;
  // The last step's records are not durable yet.
  bool is_dropping() const;
  void drop_tenants();
  bool is_of_dropped(const bridge::Task& task) const;
  // Background work wrote what is not durable yet; nobody waits for it but a clean stop.
  bool is_work_ahead() const;
  static void refuse_dropped(bridge::Task& task);

  CoreOptions options_;
  host::LaneHost host_;
  stator_call call_;        // of the request that runs
  stator_call apply_call_;  // of the record that is applied
  LongReads long_reads_;
  WorkList work_;
  std::optional<TenantId> works_for_;  // whose turn of background work is under way
  std::uint64_t work_turns_ = 0;      // that wrote on this lane alone
  std::vector<bridge::Task*> later_;  // merges that wait for something to be applied
  Lsn later_seen_;                    // of the last look at them
  std::vector<bridge::Task*> ended_;  // of its last slice
  std::uint64_t last_short_ns_ = 0;   // when something else was executed
  std::uint64_t at_once_ns_ = 0;
  wal::BatchBuilder batch_;
  IdempotencyTable idempotency_;
  ParkedRecords parked_;
  TenantEraser eraser_;
  Lsn worked_lsn_;                        // of the last records of background work
  Lsn erased_lsn_;                        // of its last records
  std::uint64_t drop_not_before_ns_ = 0;  // after it could not write
  bool is_background_on_ = true;
  bool is_replaying_ = false;
  std::uint32_t interrupt_ = 0;
  std::uint64_t now_ns_ = 0;
  bool is_checkpointing_ = false;
  std::string checkpoint_failure_;              // of the last one; empty: it did not fail
  std::uint64_t checkpoint_not_before_ns_ = 0;  // after a failed one
  // Between one that fails and the next, twice as long each time. The first pause is short: on a
  // full disk the log gives space back for a checkpoint, and soon takes it again.
  static constexpr std::uint64_t kCheckpointRetryNs = 16'000'000;
  static constexpr std::uint64_t kCheckpointRetryNsMax = 1'024'000'000;
  std::uint64_t checkpoint_retry_ns_ = kCheckpointRetryNs;
  std::uint64_t replayed_ = 0;
  std::uint32_t epoch_ = 0;  // of the log when recovery ended: what another owner seals fences this one
  Lsn last_applied_;  // of this lane's records
  // Of the records of each vShard; [kVShards] is for records that every lane keeps.
  std::array<Lsn, kVShards + 1> last_of_{};
  bool is_disk_full_ = false;         // at the last look, while something was held
  TaskQueue held_;                    // answered, not yet durable; in order of answer_after
  std::vector<bridge::Task*> early_;  // min_lsn not reached yet
  CheckpointWaiters checkpoints_;
  bool is_holding_ = false;  // part of a batch is prepared here and not applied yet
  RunQueue ready_;           // more than a turn can execute, and what came while it was holding
  AnswerRoom answers_;
  std::size_t turn_left_ = kTurnRequests;  // requests that this turn may still execute
  // A request that was prepared here and waits for a round; the task itself is its home's again.
  struct InRound {
    const bridge::Task* task;
    LaneId origin;
    std::uint32_t connection;
    std::uint32_t connection_generation;
    std::uint64_t request_id;
    std::uint32_t item;  // of a batch that is not atomic: requests of one number, in their order
  };
  std::vector<InRound> in_rounds_;
  std::vector<bridge::Task*> behind_rounds_;  // what their connections sent after them
};

}  // namespace stator::core
