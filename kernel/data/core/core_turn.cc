// A turn of the core: which requests run in it, and in which order.
#include <algorithm>
#include <cstring>

#include "stator/args.hpp"

#include "base/limits.h"
#include "data/core/core_loop.h"

namespace stator::core {
namespace {

constexpr std::size_t kPrefetchGroup = 16;

}  // namespace

using bridge::CoreOp;
using bridge::Task;
using bridge::TaskKind;

void CoreLoop::run(std::vector<Task*>& submitted, std::vector<Task*>& answered, TurnPart part) {
  release(answered);
  now_ns_ = options_.clock->monotonic_ns();
  checkpoints_.expire(now_ns_, answered);
  if (must_wait_for_checkpoint(answered)) return;
  host_.time_ms = std::max(host_.time_ms, options_.clock->wall_ms());
  if (!early_.empty()) retry_early(answered);
  answers_.give_back(ready_);
  answers_.look_at_log(*options_.log);
  if (!submitted.empty()) run_submitted(submitted, answered);
  if (part == TurnPart::kLast) {
    if (!ready_.empty()) run_ready(answered);
    if (long_reads_.count() > 0 && !is_holding_ && !answers_.is_log_behind())
      run_long_reads(answered);
    if (!later_.empty() && !is_holding_) retry_later(answered);
    if (can_drop()) drop_tenants();
    turn_left_ = kTurnRequests;
    answers_.begin_turn();
  }
  host_.memory.tell(options_.on_memory);
  // What asks for a checkpoint need not wait for the next turn.
  if (checkpoints_.count() > 0) must_wait_for_checkpoint(answered);
}

// Where nothing waits a request is executed as it comes. The lowest class waits for the end of the
// turn: by then it is known whether others have come.
inline bool CoreLoop::must_wait_its_turn(const Task& task) const {
  const bool is_over = answers_.is_turn_over();
  const bool is_free = !is_holding_ && ready_.empty() && turn_left_ > 0 && !is_over;
  if (is_free && task.priority != bridge::Priority::kBackground) return false;
  if (task.is_step_of_batch()) return false;
  return is_holding_ || is_over || task.kind != TaskKind::kMerge;  // its parts have had their turns
}

void CoreLoop::run_submitted(std::vector<Task*>& submitted, std::vector<Task*>& answered) {
  host_.own_store().begin_turn();
  for (std::size_t i = 0; i < submitted.size(); ++i) {
    if (i % kPrefetchGroup == 0 && ready_.empty()) {
      prefetch(std::span(submitted).subspan(i, std::min(kPrefetchGroup, submitted.size() - i)));
    }
    Task* task = submitted[i];
    if (must_wait_its_turn(*task)) {
      ready_.push(task);
      continue;
    }
    if (turn_left_ > 0) --turn_left_;
    step(task, answered);
  }
  host_.own_store().end_turn();
  submitted.clear();
}

// What is late or cancelled is answered beside the others: that costs next to nothing.
void CoreLoop::run_ready(std::vector<Task*>& answered) {
  std::array<Task*, kPrefetchGroup> group;
  const bool is_lowest_alone = ready_.size(bridge::Priority::kBackground) == ready_.size();
  std::size_t left = is_lowest_alone ? std::min(turn_left_, kTurnRequestsBackground) : turn_left_;
  host_.own_store().begin_turn();
  while (left > 0 && !ready_.empty() && !is_holding_ && !answers_.is_turn_over()) {
    std::size_t count = 0;
    while (count < std::min(left, group.size()) && !ready_.empty()) {
      group[count++] = ready_.take();
      if (group[count - 1]->kind == TaskKind::kBatchPrepare) break;  // nothing runs behind it
    }
    prefetch(std::span(group).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      if (answers_.is_turn_over()) {
        while (count > i) ready_.push_front(group[--count]);
        break;
      }
      if (now_ns_ < group[i]->deadline_ns && !group[i]->was_cancelled()) --left;
      step(group[i], answered);
    }
  }
  host_.own_store().end_turn();
}

void CoreLoop::step(Task* task, std::vector<Task*>& answered) {
  if (!in_rounds_.empty() && is_behind_round(*task)) {
    if (task->kind != TaskKind::kBatchPrepare) return behind_rounds_.push_back(task);
    // Other lanes are held for it: it must not wait here.
    task->wants_round = true;
    return answered.push_back(task);
  }
  if (is_early(*task, options_.log->durable())) return early_.push_back(task);
  if (answers_.takes(task)) return;
  take(task, answered);
}

inline bool CoreLoop::is_early(const Task& task, Lsn durable) const {
  return task.min_lsn > durable && now_ns_ < task.deadline_ns && !task.was_cancelled();
}

// What need not wait any more goes behind what its connection sent before it and waits for its
// turn.
void CoreLoop::retry_early(std::vector<Task*>& answered) {
  const Lsn durable = options_.log->durable();
  const auto ends = [&](Task* task) {
    if (!is_early(*task, durable)) {
      ready_.push(task);
      return true;
    }
    if (is_background_on_) return false;
    // Nothing is taken that could bring what it waits for.
    task->refuse(Error(ErrorCode::kBusy, "min_lsn",
                       "this LSN was not reached when the server had to stand still, to stop or "
                       "to move data")
                     .with_retry_after(kRetryBusyMs));
    answered.push_back(task);
    return true;
  };
  std::erase_if(early_, ends);
}

// Reads alone: what a write has looked at must still hold when it is applied.
inline bool CoreLoop::may_pause(const Task& task) const {
  const bool is_one = task.kind == TaskKind::kExecute || task.kind == TaskKind::kMerge;
  if (!is_one || task.core_op != CoreOp::kNone || task.is_in_one_piece) return false;
  const stator_op& row = *options_.catalog->ops()[task.op].row;
  return row.op_class == STATOR_OP_READ && (row.flags & STATOR_OP_PAUSES) != 0;
}

void CoreLoop::take(Task* task, std::vector<Task*>& answered) {
  const bool is_checkpoint =
      task->core_op == CoreOp::kCheckpoint && task->kind == TaskKind::kExecute;
  if (is_checkpoint && now_ns_ < task->deadline_ns && !task->was_cancelled()) {
    // All that anybody may have seen here, whether it is this lane's or another's.
    checkpoints_.add(task, std::max(options_.log->durable(), last_applied_));
    return;
  }
  if (may_pause(*task)) return long_reads_.add(task);
  last_short_ns_ = now_ns_;
  execute(*task);
  if (task->is_later) return later_.push_back(task);
  settle(task, answered);
}

void CoreLoop::run_long_reads(std::vector<Task*>& answered) {
  const bool is_alone = now_ns_ > last_short_ns_ + kSliceAloneAfterNs;
  long_reads_.run(is_alone ? kSliceNs : kSliceShortNs, ended_);
  for (Task* task : ended_) settle(task, answered);
  ended_.clear();
}

// What a group of ops says it will look up first is brought into the cache for all of them at once:
// one after another they would each wait for memory.
void CoreLoop::prefetch(std::span<Task* const> group) {
  std::array<std::uint64_t, kPrefetchGroup> hints;
  std::size_t count = 0;
  for (const Task* task : group) {
    if (task->core_op != CoreOp::kNone) continue;
    const plugin::Op& op = options_.catalog->ops()[task->op];
    if (op.row->key_space == 0 || task->kind != TaskKind::kExecute) continue;
    const ByteView key =
        Args(reinterpret_cast<const stator_arg_block*>(task->args.data())).str(op.key_arg);
    if (key.size() > STATOR_KV_KEY_BYTES_MAX) continue;
    char stored[kStoreKeyBytesMax];
    std::size_t size = store::write_prefix(stored, options_.catalog->engine_of(op).number,
                                           task->tenant, task->collection);
    stored[size++] = static_cast<char>(op.row->key_space);
    std::memcpy(stored + size, key.data(), key.size());
    hints[count++] = host_.own_store().prefetch({stored, size + key.size()});
  }
  for (std::size_t i = 0; i < count; ++i) host_.own_store().prefetch_value(hints[i]);
}

}  // namespace stator::core
