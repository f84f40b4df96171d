// Lanes that do not answer. A task that is at another lane must not be touched, whatever has
// happened there; so another task answers the client, and the one that is away is dropped when it
// comes back.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "control/dispatch/dispatcher.h"

namespace stator::dispatch {

using bridge::Task;
using bridge::TaskKind;

Error lane_stuck() {
  return Error(ErrorCode::kLaneStuck,
               "the lane of this data does not answer; a write may still happen")
      .with_retry_after(kRetryBusyMs);
}

bool Dispatcher::has_stuck() const {
  return std::any_of(is_stuck_.begin(), is_stuck_.end(), [](bool one) { return one; });
}

void Dispatcher::set_stuck(LaneId lane, std::vector<Task*>& done) {
  is_stuck_[lane.value()] = true;
  const std::vector<Task*> away = away_[lane.value()];  // abandon() sends, if to other lanes
  for (Task* task : away) {
    Task* root = task->parent == nullptr ? task : task->parent;
    if (!root->is_abandoned) abandon(root, done);
  }
  if (!waiting_rounds_.empty()) abandon_waiting(lane, done);
}

void Dispatcher::abandon(Task* root, std::vector<Task*>& done) {
  Task* client = client_of(root);
  const bool is_told = client->is_abandoned;
  root->is_abandoned = client->is_abandoned = true;
  cancel(root);
  if (!is_told && client->core_op != bridge::CoreOp::kWork) {
    ++refusals_.stuck;
    done.push_back(stand_in_for(*client));
    done.back()->refuse(lane_stuck());
  }
  if (!root->items.empty() && root->is_atomic) let_all_go(root);
}

// Rounds that wait for a slot and would need that lane. Those that are at home alone are undone at
// once, the others when there is a slot.
void Dispatcher::abandon_waiting(LaneId lane, std::vector<Task*>& done) {
  const std::deque<Task*> waiting = std::exchange(waiting_rounds_, {});
  for (Task* batch : waiting) {
    if (!batch->is_abandoned && lanes_of(*batch)[lane.value()]) {
      abandon(batch, done);
      batch->refuse(lane_stuck());
    }
    batch->is_abandoned ? begin(batch) : waiting_rounds_.push_back(batch);
  }
}

// Of a batch over several lanes of which nothing is in the log yet: its lanes hold everything back
// for the stuck one, and others wait behind its requests. They go on; so does each lane that has a
// part, the stuck one too, when the part comes back (let_go()).
void Dispatcher::let_all_go(Task* batch) {
  const bool is_before_append =
      std::any_of(batch->children.begin(), batch->children.end(), [](const Task* part) {
        const bool is_step =
            part->kind == TaskKind::kBatchPrepare || part->kind == TaskKind::kBatchCheck;
        return part->is_out && is_step;
      });
  if (!is_before_append) return;
  batch->refuse(lane_stuck());
  batch->is_again = false;
  for (Task* part : batch->children) {
    if (!part->is_out) let_go(part);
  }
}

void Dispatcher::let_go(Task* part) {
  part->kind = TaskKind::kBatchCancel;
  part->is_again = false;
  part->min_lsn = Lsn{};
  part->wants_round = false;
  send_part(part);
}

// What the session needs to know of the request. The fields are the origin's own, also while the
// task is away.
Task* Dispatcher::stand_in_for(const Task& task) {
  Task* answer = pool_.take();
  answer->origin = home_;
  answer->executor = home_;
  answer->set_request_of(task);
  answer->entry = task.entry;
  answer->arrived_ns = task.arrived_ns;
  answer->payload_format = task.payload_format;
  answer->is_strict = task.is_strict;
  answer->client_id = task.client_id;
  answer->is_step = task.is_step;
  answer->wants_pages = task.wants_pages;
  answer->is_streaming = task.is_streaming;
  return answer;
}

Task* Dispatcher::replace(Task* task) {
  task->is_abandoned = true;
  cancel(task);
  return stand_in_for(*task);
}

}  // namespace stator::dispatch
