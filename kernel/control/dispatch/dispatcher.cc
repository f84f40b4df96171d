#include "control/dispatch/dispatcher.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "stator/args.hpp"

namespace stator::dispatch {

using bridge::Task;
using bridge::TaskKind;

namespace {

// A request that was sent for itself: neither a part of a batch nor of a split request.
bool is_alone(const Task& task) {
  if (task.kind == TaskKind::kBatch) return true;
  return task.kind == TaskKind::kExecute &&
         (task.parent == nullptr || !task.parent->items.empty());
}

// When to try again, in milliseconds.
constexpr std::uint32_t kRetryMs = 10;
constexpr std::uint32_t kRetryLowMs = 100;

Error parts_full() {
  return Error(ErrorCode::kBusy,
               "answers of which a part is not there yet hold as much as they may on this lane")
      .with_retry_after(kRetryLowMs);
}

stator_arg_block* block_of(Task* task) {
  return reinterpret_cast<stator_arg_block*>(task->args.data());
}

// Those that were kept for a repeat are all in the first part (bridge/part_answers.h).
void add_answers_of(const Task& part, std::vector<ByteView>& answers) {
  if (!part.is_repeat) return answers.push_back(part.payload.view());
  std::uint32_t start = 0;
  for (const std::uint32_t end : part.frame_ends) {
    answers.push_back(part.payload.view().substr(start, end - start));
    start = end;
  }
}

// Another core has written them. One after the other, each line of them would be waited for (a tenth
// of a microsecond); so they come together.
void fetch(std::span<Task* const> tasks, void (Task::*rest)() const) {
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < tasks.size() + kAhead; ++i) {
    if (i < tasks.size()) tasks[i]->prefetch();
    if (i >= kAhead) (tasks[i - kAhead]->*rest)();
  }
}

void take_out(std::vector<Task*>& away, const Task& task) {
  away[task.away_at] = away.back();
  away[task.away_at]->away_at = task.away_at;
  away.pop_back();
}

}  // namespace

Dispatcher::Dispatcher(LaneId home, bridge::LaneMesh& mesh, const bridge::VShardMap& vshards,
                       bridge::CoreLink& link, bridge::TaskPool& pool)
    : home_(home),
      mesh_(mesh),
      vshards_(vshards),
      link_(link),
      pool_(pool),
      outgoing_(mesh.lanes()),
      outgoing_answers_(mesh.lanes()),
      away_(mesh.lanes()),
      is_stuck_(mesh.lanes()),
      batch_(256) {
  set_part_bytes(kBufferedBytesMin);
}

Status Dispatcher::dispatch(Task* task, const Route& route) {
  task->origin = home_;
  LaneId lane = home_;
  switch (route.placement) {
    case Placement::kDocument:
      task->vshard = vshards_.of(task->tenant, Args(block_of(task)).str(route.routing_arg));
      lane = vshards_.lane_of(task->vshard);
      break;
    case Placement::kCollection:
      task->vshard = vshards_.of(task->tenant, task->collection);
      lane = vshards_.lane_of(task->vshard);
      break;
    case Placement::kAll:
      if (route.is_read) STATOR_CHECK(check_parts());
      return split_all(task, route.is_together);
    case Placement::kRows: return split_rows(task, route);
    case Placement::kAny: task->vshard = vshards_.of(task->tenant, task->collection); break;
  }
  block_of(task)->vshard = task->vshard.value();
  STATOR_CHECK(admit(lane, task->priority));
  send(task, lane);
  return ok_status();
}

void Dispatcher::dispatch_work(Task* work) {
  work->origin = home_;
  send(work, home_);
}

// What one lane alone must not do: a round of all.
void Dispatcher::finish_on_all(Task* work, std::vector<Task*>& done) {
  work->wants_all = false;
  auto sent = split_all(work, true);
  if (sent.ok()) return;
  work->refuse(sent.error());
  give(work, done);
}

Status Dispatcher::admit_slowly(LaneId lane, bridge::Priority priority, std::size_t requests) {
  const bool is_low = priority == bridge::Priority::kBackground;
  const bool is_home = lane == home_;
  if (is_stuck_[lane.value()]) {
    ++refusals_.stuck;
    return lane_stuck();
  }
  const std::size_t room =
      is_low ? kRingPressed : (priority == bridge::Priority::kNormal ? kRingFull : kRingRoom);
  const std::size_t open =
      is_home ? home_queue_ + link_.submitted.size() : away_[lane.value()].size();
  if (open + requests <= room) return ok_status();
  ++(is_low ? refusals_.low : refusals_.busy);
  return Error(ErrorCode::kBusy,
               is_low ? "a lane that is needed is busy with requests of higher priority"
                      : "a lane that is needed has too many requests open")
      .with_retry_after(is_low ? kRetryLowMs : kRetryMs);
}

bool Dispatcher::is_pressed() const {
  return std::any_of(away_.begin(), away_.end(),
                     [](const auto& tasks) { return tasks.size() >= kRingPressed; });
}

void Dispatcher::send(Task* task, LaneId lane) {
  task->executor = lane;
  if (lane == home_) {
    link_.submitted.push_back(task);
    return;
  }
  std::vector<Task*>& away = away_[lane.value()];
  task->away_at = static_cast<std::uint32_t>(away.size());
  away.push_back(task);
  outgoing_[lane.value()].push_back(task);
}

Task* Dispatcher::make_child(Task* parent, LaneId lane) {
  Task* child = pool_.take();
  child->core_op = parent->core_op;
  child->priority = parent->priority;
  child->consistency = parent->consistency;
  child->op = parent->op;
  child->tenant = parent->tenant;
  child->vshard = parent->vshard;
  child->permissions = parent->permissions;
  if (parent->rows != nullptr) child->rows = std::make_unique<const RowRules>(*parent->rows);
  child->deadline_ns = parent->deadline_ns;
  child->trace_id = parent->trace_id;
  child->min_lsn = parent->min_lsn;
  child->collection = parent->collection;
  child->set_request_of(*parent);
  child->origin = home_;
  child->executor = lane;
  child->parent = parent;
  if (mesh_.lanes() == 1) {
    std::swap(child->args, parent->args);  // given back when the child is answered
  } else {
    const std::size_t bytes = parent->args.size();
    child->args.extend(bytes, 1);
    std::memcpy(child->args.data(), parent->args.data(), bytes);
  }
  parent->children.push_back(child);
  ++parent->children_open;
  return child;
}

Status Dispatcher::split_all(Task* parent, bool is_together) {
  parent->vshard = vshards_.of(parent->tenant, parent->collection);
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    STATOR_CHECK(admit(LaneId{lane}, parent->priority));
  }
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) make_child(parent, LaneId{lane});
  send_children(parent, is_together);
  return ok_status();
}

void Dispatcher::send_children(Task* parent, bool is_together) {
  if ((is_together && mesh_.lanes() > 1) || !parent->idempotency_key.empty())
    return start_round(parent->children);
  for (Task* child : parent->children) send(child, child->executor);
}

Status Dispatcher::split_rows(Task* parent, const Route& route) {
  parent->vshard = vshards_.of(parent->tenant, parent->collection);
  std::vector<std::vector<stator_slice>> rows_of(mesh_.lanes());
  std::byte* base = parent->args.data();
  const stator_slice list = stator_arg_values(block_of(parent))[route.rows_arg].slice;
  for (std::uint32_t at = 0; at < list.bytes; at += sizeof(stator_slice)) {
    const auto slice = load_little<stator_slice>(base + list.offset + at);
    auto* row = reinterpret_cast<stator_arg_block*>(base + slice.offset);
    const VShardId vshard = vshards_.of(parent->tenant, Args(row).str(route.routing_arg));
    row->vshard = vshard.value();
    rows_of[vshards_.lane_of(vshard).value()].push_back(slice);
  }
  const auto is_needed = [&](std::uint32_t lane) {
    return !rows_of[lane].empty() || (list.bytes == 0 && LaneId{lane} == home_);
  };
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (is_needed(lane)) STATOR_CHECK(admit(LaneId{lane}, parent->priority));
  }
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (!is_needed(lane)) continue;
    Task* child = make_child(parent, LaneId{lane});
    // The lane's rows stand first in the list of slices; the list is cut behind them.
    auto* values = reinterpret_cast<stator_value*>(child->args.data() + sizeof(stator_arg_block));
    const std::vector<stator_slice>& rows = rows_of[lane];
    values[route.rows_arg].slice.bytes = static_cast<std::uint32_t>(rows.size() * sizeof(stator_slice));
    if (!rows.empty()) {
      std::memcpy(child->args.data() + list.offset, rows.data(), rows.size() * sizeof(stator_slice));
    }
  }
  send_children(parent, false);
  return ok_status();
}

Status Dispatcher::check_parts() {
  if (part_bytes_ <= part_bytes_max_) return ok_status();
  ++refusals_.busy;
  return parts_full();
}

void Dispatcher::cancel(Task* task) {
  const auto mark = [this](Task* one) {
    one->is_cancelled.store(true, std::memory_order_relaxed);
    // It may wait there for something that does not come; here, too, until there is another turn.
    mesh_.doorbell(one->executor).ring();
  };
  mark(task);
  for (Task* child : task->children) mark(child);
  for (Task* item : task->items) mark(item);
}

void Dispatcher::receive() {
  for (std::uint32_t peer = 0; peer < mesh_.lanes(); ++peer) {
    if (LaneId{peer} == home_) continue;
    for (std::size_t n = 0; (n = mesh_.requests(LaneId{peer}, home_).pop(batch_)) > 0;) {
      fetch(std::span(batch_).first(n), &Task::prefetch_request);
      link_.submitted.insert(link_.submitted.end(), batch_.begin(),
                             batch_.begin() + static_cast<std::ptrdiff_t>(n));
    }
    for (std::size_t n = 0; (n = mesh_.answers(LaneId{peer}, home_).pop(batch_)) > 0;) {
      fetch(std::span(batch_).first(n), &Task::prefetch_answer);
      std::size_t bytes = 0;
      for (std::size_t i = 0; i < n; ++i) {
        take_out(away_[peer], *batch_[i]);
        bytes += std::exchange(batch_[i]->away_bytes, 0);
      }
      if (bytes > 0 && mesh_.answers_away(LaneId{peer}, home_).take(bytes)) {
        mesh_.doorbell(LaneId{peer}).ring();
      }
      returned_.insert(returned_.end(), batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }
}

void Dispatcher::collect(std::vector<Task*>& done) {
  for (Task* task : link_.answered) {
    if (task->origin == home_) {
      finish(task, done);
    } else {
      outgoing_answers_[task->origin.value()].push_back(task);
    }
  }
  link_.answered.clear();
  for (Task* task : returned_) finish(task, done);
  returned_.clear();
}

void Dispatcher::finish(Task* task, std::vector<Task*>& done) {
  if (task->wants_round && is_alone(*task)) return finish_in_round(task);
  if (task->wants_all && task->code == ErrorCode::kOk) return finish_on_all(task, done);
  if (task->parent != nullptr) return finish_child(task, done);
  if (task->kind == TaskKind::kBatchWait) return after_wait(task, done);
  if (task->kind == TaskKind::kBatchAppend) return after_append(task);
  if (task->kind == TaskKind::kBatchFinish) return finish_wide(task, done);
  if (task->kind == TaskKind::kMerge) {
    for (Task* child : task->children) pool_.give_back(child);
    task->children.clear();
  }
  give(task, done);
}

void Dispatcher::finish_child(Task* child, std::vector<Task*>& done) {
  Task* parent = child->parent;
  if (!parent->items.empty()) return finish_part(child, done);
  if (mesh_.lanes() == 1) std::swap(child->args, parent->args);
  STATOR_ASSERT(parent->children_open > 0);
  if (--parent->children_open > 0) {
    if (!child->wants_round) keep_part(*child);
    return;
  }
  for (Task* part : parent->children) forget_part(*part);
  if (finish_children_in_round(*parent)) return;
  parent->parts.clear();
  for (Task* part : parent->children) {
    if (part->code == ErrorCode::kOk) {
      add_answers_of(*part, parent->parts);
      continue;
    }
    const bool is_partly_done = std::any_of(
        parent->children.begin(), parent->children.end(),
        [](const Task* other) { return other->code == ErrorCode::kOk && other->lsn != Lsn{}; });
    const char* rest = is_partly_done ? "; other parts of the request were carried out" : "";
    parent->refuse(Error(part->code, part->error_field, part->error_sentence + rest)
                       .with_hint(part->error_hint)
                       .with_retry_after(part->retry_after_ms));
    break;
  }
  parent->kind = TaskKind::kMerge;
  if (parent->code != ErrorCode::kOk || parent->is_abandoned) return finish(parent, done);
  link_.submitted.push_back(parent);
}

// What has written is kept: it cannot be asked for again. Of those that were taken before the room
// was full as much again is kept.
void Dispatcher::keep_part(Task& part) {
  part.kept_bytes = part.payload.size();
  part_bytes_ += part.kept_bytes;
  if (part_bytes_ <= 2 * part_bytes_max_ || !part.is_read) return;
  forget_part(part);
  ++refusals_.busy;
  part.refuse(parts_full());
  part.payload.release();
}

// Once they are too large together nobody will see them.
void Dispatcher::keep_item(Task& item) {
  keep_part(item);
  item.parent->items_bytes += item.payload.size();
  if (item.parent->items_bytes <= kPayloadBytesMax) return;
  forget_part(item);
  item.payload.release();
}

void Dispatcher::forget_part(Task& part) { part_bytes_ -= std::exchange(part.kept_bytes, 0); }

void Dispatcher::flush() {
  const auto push = [&](bridge::SpscRing& ring, std::vector<Task*>& tasks) {
    const std::size_t taken = ring.push(tasks);
    STATOR_ASSERT(taken == tasks.size());  // credit was checked at dispatch
    tasks.clear();
  };
  for (std::uint32_t peer = 0; peer < mesh_.lanes(); ++peer) {
    if (outgoing_[peer].empty() && outgoing_answers_[peer].empty()) continue;
    if (!outgoing_[peer].empty()) push(mesh_.requests(home_, LaneId{peer}), outgoing_[peer]);
    if (!outgoing_answers_[peer].empty()) {
      push(mesh_.answers(home_, LaneId{peer}), outgoing_answers_[peer]);
    }
    mesh_.doorbell(LaneId{peer}).ring();
  }
}

bool Dispatcher::is_idle() const {
  return returned_.empty() && wide_batches_ == 0 &&
         std::all_of(away_.begin(), away_.end(), [](const auto& tasks) { return tasks.empty(); });
}

}  // namespace stator::dispatch
