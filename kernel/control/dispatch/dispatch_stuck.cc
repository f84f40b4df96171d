// Lanes that do not answer. A task that is at another lane must not be touched, whatever has
// happened there; so another task answers the client, and the one that is away is dropped when it
// comes back.
#include <algorithm>

#include "base/assert.h"
#include "control/dispatch/dispatcher.h"

namespace stator::dispatch {

using bridge::Task;
using bridge::TaskKind;

namespace {

constexpr std::uint32_t kRetryMs = 1000;

}  // namespace

Error lane_stuck() {
  return Error(ErrorCode::kLaneStuck,
               "the lane of this data does not answer; a write may still happen")
      .with_retry_after(kRetryMs);
}

bool Dispatcher::has_stuck() const {
  return std::any_of(is_stuck_.begin(), is_stuck_.end(), [](bool one) { return one; });
}

void Dispatcher::set_stuck(LaneId lane, std::vector<Task*>& done) {
  is_stuck_[lane.value()] = true;
  const std::vector<Task*> away = away_[lane.value()];  // abandon() sends, if to other lanes
  for (Task* task : away) {
    Task* root = task->parent == nullptr ? task : task->parent;
    if (!root->is_abandoned) abandon(root, lane, done);
  }
}

void Dispatcher::abandon(Task* root, LaneId lane, std::vector<Task*>& done) {
  ++refusals_.stuck;
  root->is_abandoned = true;
  cancel(root);
  done.push_back(stand_in_for(*root));
  // Of an atomic batch over several lanes that still prepares: those before the stuck one hold
  // everything back for it. They go on; what the stuck one has prepared is undone in finish_late().
  const auto part =
      std::find_if(root->children.begin(), root->children.end(), [&](const Task* one) {
        return one->kind == TaskKind::kBatchPrepare && one->executor == lane;
      });
  const bool is_preparing = !root->items.empty() && root->is_atomic &&
                            part != root->children.end() && root->children_open == 1;
  if (!is_preparing) return;
  root->refuse(lane_stuck());
  const auto held = static_cast<std::size_t>(part - root->children.begin());
  send_parts(root, held, TaskKind::kBatchCancel);
  ++root->children_open;  // the part that is away
}

// It was away when its batch was given up.
void Dispatcher::finish_late(Task* part, std::vector<Task*>& done) {
  Task* batch = part->parent;
  const bool is_holding = part->code == ErrorCode::kOk && !part->is_repeat;
  if (is_holding) {
    part->kind = TaskKind::kBatchCancel;
    ++batch->children_open;
    return send(part, part->executor);
  }
  if (batch->children_open == 0) after_cancel(batch, done);
}

// What the session needs to know of the request. The fields are the origin's own, also while the
// task is away.
Task* Dispatcher::stand_in_for(const Task& task) {
  Task* answer = pool_.take();
  answer->origin = home_;
  answer->executor = home_;
  answer->connection = task.connection;
  answer->connection_generation = task.connection_generation;
  answer->request_id = task.request_id;
  answer->entry = task.entry;
  answer->arrived_ns = task.arrived_ns;
  answer->payload_format = task.payload_format;
  answer->is_strict = task.is_strict;
  answer->client_id = task.client_id;
  answer->is_step = task.is_step;
  answer->refuse(lane_stuck());
  return answer;
}

}  // namespace stator::dispatch
