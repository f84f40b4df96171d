// Batches: on one lane a single task; over several lanes a round led by the home lane
// (docs/adr/0013):
//
//   prepare on each lane, in the order of their numbers; from its turn on each runs nothing else
//   where something is claimed (docs/adr/0032): each lane checks the keys that are its own
//   append all records at once, on the home lane
//   apply on each lane, which then goes on
//   answer when durable
//
// The order of the lanes is why two rounds cannot wait for each other for ever.
#include <algorithm>
#include <utility>

#include "stator/args.hpp"

#include "base/assert.h"
#include "base/limits.h"
#include "bridge/claim.h"
#include "bridge/part_answers.h"
#include "control/dispatch/dispatcher.h"

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
  if (!batch->is_atomic) return batch->min_lsn > Lsn{} ? wait_first(batch) : dispatch_each(batch);
  batch->vshard = batch->items.front()->vshard;
  // The lane of the key takes part: a repeat finds the answer there, however lanes have changed.
  if (!batch->idempotency_key.empty())
    batch->vshard = vshards_.of(batch->tenant, batch->idempotency_key);
  const Lanes lanes = lanes_of(*batch);
  if (std::count(lanes.begin(), lanes.end(), true) > 1) return dispatch_wide(batch, lanes);
  const LaneId lane = batch->items.front()->executor;
  STATOR_CHECK(admit(lane, batch->priority));
  batch->kind = TaskKind::kBatch;
  send(batch, lane);
  return ok_status();
}

// LSNs are of the one log: this lane can wait for all, and once for all of its requests.
Status Dispatcher::wait_first(Task* batch) {
  STATOR_CHECK(admit(home_, batch->priority));
  batch->kind = TaskKind::kBatchWait;
  send(batch, home_);
  return ok_status();
}

void Dispatcher::after_wait(Task* batch, std::vector<Task*>& done) {
  batch->kind = TaskKind::kExecute;
  if (batch->code == ErrorCode::kOk) {
    Status sent = dispatch_each(batch);
    if (sent.ok()) return;
    batch->refuse(sent.error());
  }
  give(batch, done);
}

Status Dispatcher::dispatch_each(Task* batch) {
  STATOR_CHECK(check_parts());
  std::vector<std::size_t> requests(mesh_.lanes());
  for (const Task* item : batch->items) ++requests[item->executor.value()];
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (requests[lane] > 0) STATOR_CHECK(admit(LaneId{lane}, batch->priority, requests[lane]));
  }
  batch->children_open = static_cast<std::uint32_t>(batch->items.size());
  for (Task* item : batch->items) {
    item->parent = batch;
    item->set_request_of(*batch);
    send(item, item->executor);
  }
  return ok_status();
}

Status Dispatcher::dispatch_wide(Task* batch, const Lanes& lanes) {
  if (wide_batches_ >= kWideBatchesMax) return busy();
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (lanes[lane]) STATOR_CHECK(admit(LaneId{lane}, batch->priority));
  }
  begin(batch);
  return ok_status();
}

// A round that cannot be refused any more waits; the slots of the rings are for those under way.
// One that stays at home needs none.
void Dispatcher::begin(Task* batch) {
  const Lanes lanes = lanes_of(*batch);
  const bool is_at_home = lanes[home_.value()] && std::count(lanes.begin(), lanes.end(), true) == 1;
  if (wide_batches_ >= kWideBatchesMax && !is_at_home) return waiting_rounds_.push_back(batch);
  ++wide_batches_;
  make_parts(batch, lanes);
  if (batch->code != ErrorCode::kOk) return cancel_parts(batch, false);
  send_first(batch);
}

void Dispatcher::make_parts(Task* batch, const Lanes& lanes) {
  const LaneId of_key = vshards_.lane_of(batch->vshard);
  for (std::uint32_t lane = 0; lane < mesh_.lanes(); ++lane) {
    if (!lanes[lane]) continue;
    Task* part = pool_.take();
    part->kind = TaskKind::kBatchPrepare;
    part->is_round = batch->is_round;
    part->priority = batch->priority;
    part->tenant = batch->tenant;
    part->vshard = batch->vshard;
    part->deadline_ns = batch->deadline_ns;
    part->set_request_of(*batch);
    part->item = batch->item;
    if (LaneId{lane} == of_key) {
      part->idempotency_key = batch->idempotency_key;
      part->request_hash = batch->request_hash;
    }
    part->origin = home_;
    part->executor = LaneId{lane};
    part->parent = batch;
    for (Task* item : batch->items) {
      if (item->executor == LaneId{lane}) part->items.push_back(item);
    }
    batch->children.push_back(part);
  }
}

void Dispatcher::send_first(Task* batch) {
  // Waits before any lane is held back: LSNs are of the one log, so one lane can wait for all.
  batch->children.front()->min_lsn = batch->min_lsn;
  send_part(batch->children.front());
}

void Dispatcher::send_part(Task* part) {
  ++part->parent->children_open;
  part->is_out = true;
  send(part, part->executor);
}

void Dispatcher::send_parts(Task* batch, TaskKind kind) {
  for (Task* part : batch->children) {
    part->kind = kind;
    part->min_lsn = Lsn{};
    send_part(part);
  }
}

// Those that are held go on. Then the batch is answered as it stands, or begins again.
void Dispatcher::cancel_parts(Task* batch, bool is_again) {
  batch->is_again = is_again;
  for (Task* part : batch->children) part->is_again = is_again;
  send_parts(batch, TaskKind::kBatchCancel);
}

void Dispatcher::after_cancel(Task* batch, std::vector<Task*>& done) {
  if (batch->is_again && batch->is_abandoned) {
    batch->refuse(lane_stuck());
    return cancel_parts(batch, false);  // now for good: what waits behind it goes on
  }
  if (batch->is_again) return begin_again(batch);
  if (batch->seen == Lsn{}) return finish_wide(batch, done);
  // A stored answer, or a refusal, is given when what it tells of is durable, like every other.
  batch->kind = TaskKind::kBatchFinish;
  link_.submitted.push_back(batch);
}

// Behind the rounds that wait for a slot: what it waits for may be one of them.
void Dispatcher::begin_again(Task* batch) {
  give_back_parts(batch);
  --wide_batches_;
  waiting_rounds_.push_back(batch);
  begin_waiting();
}

void Dispatcher::begin_waiting() {
  while (!waiting_rounds_.empty() && wide_batches_ < kWideBatchesMax) {
    Task* next = waiting_rounds_.front();
    waiting_rounds_.pop_front();
    begin(next);
  }
}

void Dispatcher::finish_part(Task* part, std::vector<Task*>& done) {
  Task* batch = part->parent;
  STATOR_ASSERT(batch->children_open > 0);
  --batch->children_open;
  part->is_out = false;
  const bool is_before_append =
      part->kind == TaskKind::kBatchPrepare || part->kind == TaskKind::kBatchCheck;
  if (is_before_append && batch->is_abandoned) return let_go(part);
  if (part->kind == TaskKind::kBatchPrepare) return after_part_prepared(part);
  if (part->kind == TaskKind::kBatchCheck && part->code != ErrorCode::kOk) {
    batch->refuse(error_of(*part));
    batch->seen = std::max(batch->seen, part->seen);
  }
  if (!batch->is_atomic) keep_item(*part);
  if (batch->children_open > 0) return;
  if (!batch->is_atomic) {
    for (Task* item : batch->items) forget_part(*item);
    return give(batch, done);
  }
  if (part->kind == TaskKind::kBatchCancel) return after_cancel(batch, done);
  if (part->kind == TaskKind::kBatchCheck && batch->code != ErrorCode::kOk)
    return cancel_parts(batch, false);
  batch->kind =
      part->kind == TaskKind::kBatchCheck ? TaskKind::kBatchAppend : TaskKind::kBatchFinish;
  link_.submitted.push_back(batch);
}

void Dispatcher::after_part_prepared(Task* part) {
  Task* batch = part->parent;
  if (part->is_repeat) return take_repeat(*part);
  // An earlier request of its connection waits for a round there.
  if (std::exchange(part->wants_round, false)) {
    batch->clear_answer();
    return cancel_parts(batch, true);
  }
  if (part->code != ErrorCode::kOk && batch->code == ErrorCode::kOk) {
    batch->refuse(error_of(*part));
    batch->seen = part->seen;
  }
  const bool is_refused = batch->code != ErrorCode::kOk;
  // Of a repeat much is refused that the first one did: the lane of the key still knows better.
  const auto next = std::find_if(
      std::find(batch->children.begin(), batch->children.end(), part) + 1, batch->children.end(),
      [&](const Task* one) { return !is_refused || !one->idempotency_key.empty(); });
  if (next != batch->children.end()) return send_part(*next);
  is_refused ? cancel_parts(batch, false) : after_prepare(batch);
}

void Dispatcher::take_repeat(const Task& part) {
  Task* batch = part.parent;
  batch->clear_answer();
  if (part.code != ErrorCode::kOk) {
    batch->refuse(error_of(part));  // the key was another request's
  } else {
    batch->payload.append(part.payload.view());
    batch->is_repeat = true;
  }
  batch->lsn = batch->seen = part.lsn;
  cancel_parts(batch, false);
}

// All lanes stand still; what they claim is known now.
void Dispatcher::after_prepare(Task* batch) {
  Lanes held(mesh_.lanes());
  for (const Task* part : batch->children) held[part->executor.value()] = true;
  Lanes wanted = held;
  for (const Task* part : batch->children) add_lanes(*part, wanted);
  if (wanted != held) return cancel_parts(batch, true);
  const bool has_claims = std::any_of(batch->children.begin(), batch->children.end(),
                                      [](const Task* part) { return !part->claims.empty(); });
  if (has_claims) return send_parts(batch, TaskKind::kBatchCheck);
  batch->kind = TaskKind::kBatchAppend;
  link_.submitted.push_back(batch);
}

void Dispatcher::after_append(Task* batch) {
  if (batch->code != ErrorCode::kOk) return cancel_parts(batch, false);
  send_parts(batch, TaskKind::kBatchApply);
}

void Dispatcher::give_back_parts(Task* batch) {
  for (Task* part : batch->children) {
    part->items.clear();  // the batch's
    pool_.give_back(part);
  }
  batch->children.clear();
}

void Dispatcher::finish_wide(Task* batch, std::vector<Task*>& done) {
  give_back_parts(batch);
  --wide_batches_;
  batch->is_round ? finish_round(batch, done) : give(batch, done);
  begin_waiting();
}

// Each of its requests is answered as if it had run alone.
void Dispatcher::finish_round(Task* round, std::vector<Task*>& done) {
  const std::vector<Task*> items = std::move(round->items);
  round->items.clear();  // they are not its own
  for (Task* item : items) {
    if (round->is_repeat) {
      item->clear_answer();
      item->is_repeat = true;
      if (item == items.front())
        bridge::read_part_answers(round->payload.view(), round->lsn, *item);
    }
    if (round->code == ErrorCode::kOk) {
      item->answer_after = round->seen;
    } else {
      item->refuse(error_of(*round));
    }
    finish(item, done);
  }
  pool_.give_back(round);
}

void Dispatcher::add_lanes(const Task& task, Lanes& lanes) const {
  lanes[task.executor.value()] = true;
  bridge::ClaimCursor claims(task.claims.view());
  for (bridge::Claim claim; claims.next(claim);)
    lanes[vshards_.lane_of(claim.vshard).value()] = true;
}

Dispatcher::Lanes Dispatcher::lanes_of(const Task& batch) const {
  Lanes lanes(mesh_.lanes());
  if (batch.code != ErrorCode::kOk) {
    // Nothing will be written; those where others wait behind it are told.
    for (const Task* item : batch.items) lanes[item->executor.value()] = true;
    return lanes;
  }
  for (const Task* item : batch.items) add_lanes(*item, lanes);
  if (!batch.idempotency_key.empty()) lanes[vshards_.lane_of(batch.vshard).value()] = true;
  return lanes;
}

void Dispatcher::finish_in_round(Task* task) {
  task->wants_round = false;
  // Of one that was answered meanwhile nothing is written; what waits behind it goes on.
  Status outcome = ok_status();
  if (client_of(task)->is_abandoned) outcome = lane_stuck();
  if (task->kind != TaskKind::kBatch) return start_round({task}, std::move(outcome));
  if (!outcome.ok()) task->refuse(outcome.error());
  begin(task);
}

bool Dispatcher::finish_children_in_round(Task& parent) {
  std::vector<Task*> left;
  Status outcome = ok_status();
  for (Task* child : parent.children) {
    if (child->wants_round) left.push_back(child);
    // Another part of the request was refused: nothing of these is written, their lanes are told.
    if (child->code != ErrorCode::kOk) outcome = error_of(*child);
  }
  if (left.empty()) return false;
  if (parent.is_abandoned) outcome = lane_stuck();
  parent.children_open = static_cast<std::uint32_t>(left.size());
  start_round(std::move(left), std::move(outcome));
  return true;
}

// Parts of a request with an idempotency key write all or nothing, in one append with their answer.
void Dispatcher::start_round(std::vector<Task*> items, Status outcome) {
  Task* round = pool_.take();
  round->is_round = true;
  round->priority = items.front()->priority;
  round->tenant = items.front()->tenant;
  round->vshard = items.front()->vshard;
  round->deadline_ns = items.front()->deadline_ns;
  round->min_lsn = items.front()->min_lsn;
  round->origin = home_;
  const Task* client = client_of(items.front());
  round->set_request_of(*client);
  round->item = items.front()->item;
  if (!client->children.empty() && !client->idempotency_key.empty()) {
    round->idempotency_key = client->idempotency_key;
    round->request_hash = client->request_hash;
    round->vshard = vshards_.of(client->tenant, client->idempotency_key);
  }
  for (Task* item : items) item->wants_round = false;
  round->items = std::move(items);
  if (!outcome.ok()) round->refuse(outcome.error());
  begin(round);
}

}  // namespace stator::dispatch
