#include "data/core/answer_room.h"

#include <utility>

namespace stator::core {

using bridge::Task;

AnswerRoom::AnswerRoom(LaneId lane, bridge::LaneMesh* mesh)
    : lane_(lane), mesh_(mesh), waiting_of_(mesh == nullptr ? 0 : mesh->lanes()) {}

void AnswerRoom::count_away(Task& task) {
  task.away_bytes = task.payload.size();
  mesh_->answers_away(lane_, task.origin).give(task.away_bytes);
}

void AnswerRoom::look_at_log(const wal::Log& log) {
  if (older_.bytes + newer_.bytes == 0 && !is_log_behind_) return;
  if (log.durable() >= older_.until) older_ = std::exchange(newer_, {});
  // On a full disk they are answered at their deadlines, and reads go on.
  is_log_behind_ = older_.bytes + newer_.bytes >= kHeldAnswerBytesMax && log.health().ok();
}

// A batch that has begun goes on whatever is full: others wait for it.
bool AnswerRoom::takes_from(Task* task) {
  std::vector<Task*>& waiting = waiting_of_[task->origin.value()];
  if (task->is_step_of_batch()) return false;
  if (waiting.empty()) {
    bridge::AnswersAway& away = mesh_->answers_away(lane_, task->origin);
    if (!away.is_full() || !away.wait()) return false;
  }
  waiting.push_back(task);
  ++waiting_;
  return true;
}

void AnswerRoom::give_back_to(RunQueue& ready) {
  for (std::uint32_t peer = 0; peer < waiting_of_.size(); ++peer) {
    std::vector<Task*>& waiting = waiting_of_[peer];
    if (waiting.empty() || mesh_->answers_away(lane_, LaneId{peer}).wait()) continue;
    for (std::size_t i = waiting.size(); i-- > 0;) ready.push_front(waiting[i]);
    waiting_ -= waiting.size();
    waiting.clear();
  }
}

}  // namespace stator::core
