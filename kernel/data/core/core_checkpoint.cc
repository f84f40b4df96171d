// Checkpoints of one lane: when they begin, what waits for them, and what is done when they fail.
#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "data/core/core_loop.h"

namespace stator::core {

using bridge::Task;

namespace {

// Records by which a lane's base may lag although its memtable is small: an idle lane advances too,
// or the log could not be trimmed.
constexpr std::uint64_t kCheckpointLagMax = 1'000'000;

}  // namespace

// A checkpoint must not hold what is not durable, so it begins when everything applied is; until
// then (one commit) nothing new is executed.
bool CoreLoop::must_wait_for_checkpoint(std::vector<Task*>& answered) {
  store::Store& store = host_.own_store();
  if (is_checkpointing_) end_checkpoint(answered);
  if (is_checkpointing_) return false;
  checkpoints_.reach(store.applied(), answered);
  // A batch of which this lane's part is not applied may be in the log already.
  if (is_holding_) return false;
  const Lsn durable = options_.log->durable();
  // One that failed is still owed, whoever asked for it.
  const bool is_asked_for =
      checkpoints_.count() > 0 || eraser_.wants_checkpoint() || has_checkpoint_failed();
  const bool lags = durable.value() > store.applied().value() + kCheckpointLagMax;
  if (!store.wants_checkpoint() && !lags && !is_asked_for) return false;
  if (now_ns_ < checkpoint_not_before_ns_ && checkpoints_.count() == 0) return false;
  if (last_applied_ > durable) return must_wait_for_log(answered);
  is_checkpointing_ = store.start_checkpoint(durable);
  if (is_checkpointing_) eraser_.checkpoint_begun();
  return false;
}

// One that failed, when its time comes. What it waits for otherwise wakes the lane.
bool CoreLoop::may_try_checkpoint() const {
  return has_checkpoint_failed() && !is_checkpointing_ && !is_holding_ &&
         last_applied_ <= options_.log->durable();
}

bool CoreLoop::must_wait_for_log(std::vector<Task*>& answered) {
  Status health = options_.log->health();
  if (health.ok()) return true;
  // Without space it goes on some time; a log that failed stays behind for ever.
  if (health.error().code() != ErrorCode::kDiskFull) {
    checkpoints_.fail(Error(ErrorCode::kStorage, "no checkpoint: " + health.error().sentence()),
                      answered);
  }
  return false;
}

void CoreLoop::end_checkpoint(std::vector<Task*>& answered) {
  store::Store& store = host_.own_store();
  auto status = store.finish_checkpoint();
  if (store.checkpoint_running()) return;
  is_checkpointing_ = false;
  if (status.ok()) {
    note_checkpoint();
    return;
  }
  put_off_checkpoint(status.error());
  checkpoints_.fail(
      Error(status.error().code(), "the checkpoint failed: " + status.error().sentence()),
      answered);
}

void CoreLoop::note_checkpoint() {
  if (has_checkpoint_failed()) log::info("checkpoints succeed again");
  checkpoint_failure_.clear();
  checkpoint_not_before_ns_ = 0;
  checkpoint_retry_ns_ = kCheckpointRetryNs;
  if (options_.on_applied) options_.on_applied(options_.lane, host_.own_store().applied());
}

// Tried again for as long as it fails; said once. What waits for a backup to end does not fail.
void CoreLoop::put_off_checkpoint(const Error& error) {
  if (error.code() != ErrorCode::kBusy && checkpoint_failure_ != error.sentence()) {
    checkpoint_failure_ = error.sentence();
    log::error("checkpoint failed, will be tried again: " + error.sentence());
  }
  if (error.code() == ErrorCode::kDiskFull) options_.log->want_space();
  checkpoint_not_before_ns_ = options_.clock->monotonic_ns() + checkpoint_retry_ns_;
  checkpoint_retry_ns_ = std::min(checkpoint_retry_ns_ * 2, kCheckpointRetryNsMax);
}

Status CoreLoop::await_checkpoint() {
  Status written = host_.own_store().wait_checkpoint();
  is_checkpointing_ = false;
  written.ok() ? note_checkpoint() : put_off_checkpoint(written.error());
  return written;
}

// The memtable is full. Nobody waits for this lane, so it waits for the checkpoint.
Status CoreLoop::checkpoint_of_replay(Lsn up_to) {
  store::Store& store = host_.own_store();
  if (!store.wants_checkpoint()) return ok_status();
  if (options_.clock->monotonic_ns() < checkpoint_not_before_ns_) return ok_status();
  if (!store.start_checkpoint(up_to)) return ok_status();
  Status written = await_checkpoint();
  if (written.ok() || written.error().code() != ErrorCode::kDiskFull) return written;
  // A full disk does not keep a server from its start: it goes on in memory, as one that runs does.
  // The log is told what no lane needs, for it may give that back.
  if (options_.on_applied) options_.on_applied(options_.lane, store.applied());
  return ok_status();
}

Status CoreLoop::checkpoint() {
  STATOR_ASSERT(waiting() == 0);
  if (is_checkpointing_) STATOR_CHECK(await_checkpoint());
  const Lsn durable = options_.log->durable();
  if (last_applied_ > durable) return Error(ErrorCode::kWal, "not everything is durable");
  if (!host_.own_store().start_checkpoint(durable)) {
    return Error(ErrorCode::kStorage, "a checkpoint is running");
  }
  return await_checkpoint();
}

Result<Lsn> CoreLoop::finish_checkpoint() {
  STATOR_ASSERT(waiting() == 0);
  if (is_checkpointing_) STATOR_CHECK(await_checkpoint());
  return host_.own_store().applied();
}

}  // namespace stator::core
