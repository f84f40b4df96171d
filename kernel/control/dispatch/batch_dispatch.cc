// Batches: on one lane a single task; over several lanes a round led by the home lane (docs/adr/0013):
//
//   prepare on each lane, in the order of their numbers; from its turn on each runs nothing else
//   append all records at once, on the home lane
//   apply on each lane, which then goes on
//   answer when durable
//
// The order of the lanes is why two rounds cannot wait for each other for ever.
#include <algorithm>

#include "base/assert.h"
#include "base/limits.h"
#include "control/dispatch/dispatcher.h"
#include "stator/args.hpp"

namespace stator::dispatch {

using bridge::Task;
using bridge::TaskKind;

namespace {

Error busy() {
  return Error(ErrorCode::kBusy, "too many batches over several lanes are open")
      .with_retry_after(10);
}

Error error_of(const Task& task) {
  return Error(task.code, task.error_field, task.error_sentence)
      .with_hint(task.error_hint)
      .with_retry_after(task.retry_after_ms);
}

}  // namespace

Status Dispatcher::place(Task* item, const Route& route) {
  auto* block = reinterpret_cast<stator_arg_block*>(item->args.data());
  switch (route.placement) {
    case Placement::kDocument:
      item->vshard = vshards_.of(item->tenant, Args(block).str(route.routing_arg));
      break;
    case Placement::kCollection: item->vshard = vshards_.of(item->tenant, item->collection); break;
    default:
      return Error(ErrorCode::kBadRequest, "op",
                   "an op of a batch must concern one document or one collection");
  }
  block->vshard = item->vshard.value();
  item->executor = vshards_.lane_of(item->vshard);
  item->origin = home_;
  return ok_status();
}

Status Dispatcher::dispatch_batch(Task* batch) {
  batch->origin = home_;
  if (!batch->is_atomic) return dispatch_each(batch);
  std::vector<bool> lanes(mesh_.lanes());
  for (const Task* item : batch->items) lanes[item->executor.value()] = true;
  batch->vshard = batch->items.front()->vshard;
  if (!batch->idempotency_key.empty()) {
    // The lane of the key takes part: a repeat finds the answer there, however lanes have changed.
    batch->vshard = vshards_.of(batch->tenant, batch->idempotency_key);
    lanes[vshards_.lane_of(batch->vshard).value()] = true;
  }
  if (std::count(lanes.begin(), lanes.end(), true) > 1) return dispatch_wide(batch, lanes);
  const LaneId lane = batch->items.front()->executor;
  STATOR_CHECK(admit(lane, batch->priority));
  batch->kind = TaskKind::kBatch;
  send(batch, lane);
  return ok_status();
}

Status Dispatcher::dispatch_each(Task* batch) {
  std::vector<std::size_t> requests(mesh_.lanes());
  for (const Task* item : batch->items) ++requests[item->executor.value()];
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (requests[lane] > 0) STATOR_CHECK(admit(LaneId{lane}, batch->priority, requests[lane]));
  }
  batch->children_open = static_cast<std::uint32_t>(batch->items.size());
  for (Task* item : batch->items) {
    item->parent = batch;
    send(item, item->executor);
  }
  return ok_status();
}

Status Dispatcher::dispatch_wide(Task* batch, const std::vector<bool>& lanes) {
  if (wide_batches_ >= kWideBatchesMax) return busy();
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (lanes[lane]) STATOR_CHECK(admit(LaneId{lane}, batch->priority));
  }
  ++wide_batches_;
  const LaneId of_key = vshards_.lane_of(batch->vshard);
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (!lanes[lane]) continue;
    Task* part = pool_.take();
    part->kind = TaskKind::kBatchPrepare;
    part->priority = batch->priority;
    part->tenant = batch->tenant;
    part->vshard = batch->vshard;
    part->deadline_ns = batch->deadline_ns;
    if (LaneId{lane} == of_key) part->idempotency_key = batch->idempotency_key;
    part->origin = home_;
    part->executor = LaneId{lane};
    part->parent = batch;
    for (Task* item : batch->items) {
      if (item->executor == LaneId{lane}) part->items.push_back(item);
    }
    batch->children.push_back(part);
  }
  // Waits before any lane is held back: LSNs are of the one log, so one lane can wait for all.
  batch->children.front()->min_lsn = batch->min_lsn;
  batch->children_open = 1;
  send(batch->children.front(), batch->children.front()->executor);
  return ok_status();
}

void Dispatcher::send_parts(Task* batch, std::size_t count, TaskKind kind) {
  batch->children_open = static_cast<std::uint32_t>(count);
  for (std::size_t i = 0; i < count; ++i) {
    Task* part = batch->children[i];
    part->kind = kind;
    part->min_lsn = Lsn{};
    send(part, part->executor);
  }
}

// The first `count` lanes hold something back; they go on. Then the batch is answered as it stands.
void Dispatcher::cancel_parts(Task* batch, std::size_t count, std::vector<Task*>& done) {
  if (count == 0) return after_cancel(batch, done);
  send_parts(batch, count, TaskKind::kBatchCancel);
}

void Dispatcher::after_cancel(Task* batch, std::vector<Task*>& done) {
  if (!batch->is_repeat) return finish_wide(batch, done);
  // The stored answer is given when it is durable, like every other.
  batch->kind = TaskKind::kBatchFinish;
  link_.submitted.push_back(batch);
}

void Dispatcher::finish_part(Task* part, std::vector<Task*>& done) {
  Task* batch = part->parent;
  STATOR_ASSERT(batch->children_open > 0);
  --batch->children_open;
  if (batch->is_abandoned && part->kind == TaskKind::kBatchPrepare) return finish_late(part, done);
  if (part->kind == TaskKind::kBatchPrepare) {
    const auto at = static_cast<std::size_t>(
        std::find(batch->children.begin(), batch->children.end(), part) - batch->children.begin());
    if (part->code != ErrorCode::kOk) {
      batch->refuse(error_of(*part));
      return cancel_parts(batch, at, done);
    }
    if (part->is_repeat) {
      batch->payload.append(part->payload.view());
      batch->is_repeat = true;
      batch->lsn = batch->seen = part->lsn;
      return cancel_parts(batch, at, done);
    }
    if (at + 1 < batch->children.size()) {
      batch->children_open = 1;
      return send(batch->children[at + 1], batch->children[at + 1]->executor);
    }
    batch->kind = TaskKind::kBatchAppend;
    link_.submitted.push_back(batch);
    return;
  }
  if (batch->children_open > 0) return;
  if (!batch->is_atomic) return give(batch, done);
  if (part->kind == TaskKind::kBatchCancel) return after_cancel(batch, done);
  batch->kind = TaskKind::kBatchFinish;
  link_.submitted.push_back(batch);
}

void Dispatcher::after_append(Task* batch, std::vector<Task*>& done) {
  const std::size_t count = batch->children.size();
  if (batch->code != ErrorCode::kOk) return cancel_parts(batch, count, done);
  send_parts(batch, count, TaskKind::kBatchApply);
}

void Dispatcher::finish_wide(Task* batch, std::vector<Task*>& done) {
  for (Task* part : batch->children) {
    part->items.clear();  // the batch's
    pool_.give_back(part);
  }
  batch->children.clear();
  --wide_batches_;
  give(batch, done);
}

}  // namespace stator::dispatch
