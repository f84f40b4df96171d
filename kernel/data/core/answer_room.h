// What the answers of a core may take before somebody has them: of a turn, of those that wait for
// the log, and of those on their way to each other lane (docs/adr/0065-answers-on-their-way.md).
//
// Thread: the lane's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/limits.h"
#include "bridge/lane_mesh.h"
#include "bridge/task.h"
#include "data/core/run_queue.h"
#include "wal/log.h"

namespace stator::core {

class AnswerRoom {
 public:
  // `mesh` may be null: no other lane asks.
  AnswerRoom(LaneId lane, bridge::LaneMesh* mesh);

  void begin_turn() { turn_bytes_ = 0; }
  bool is_turn_over() const { return turn_bytes_ >= kTurnAnswerBytes || is_log_behind_; }
  // It is answered.
  void count(bridge::Task& task) {
    turn_bytes_ += task.payload.size();
    if (task.origin != lane_ && mesh_ != nullptr) count_away(task);
  }
  // It waits for the log.
  void count_held(const bridge::Task& task) {
    newer_.bytes += task.payload.size();
    newer_.until = std::max(newer_.until, task.answer_after);
  }
  // Looks whether those that wait for the log, which is well, are too much. Then nothing is
  // executed until it has gone on.
  void look_at_log(const wal::Log& log);
  bool is_log_behind() const { return is_log_behind_; }
  // None waits, and the log may be another one.
  void forget_held() { older_ = newer_ = {}; }
  // Whether the lane that asks must take other answers first; then it waits here, behind what
  // waits here for the same reason.
  bool takes(bridge::Task* task) {
    return task->origin != lane_ && mesh_ != nullptr && takes_from(task);
  }
  // Those whose lanes have room again go before everything else in `ready`, in their order.
  void give_back(RunQueue& ready) {
    if (waiting_ > 0) give_back_to(ready);
  }
  std::size_t waiting() const { return waiting_; }

 private:
  void count_away(bridge::Task& task);
  bool takes_from(bridge::Task* task);
  void give_back_to(RunQueue& ready);

  const LaneId lane_;
  bridge::LaneMesh* const mesh_;
  std::size_t turn_bytes_ = 0;
  // Of those that wait for the log, in two steps: the older is forgotten when all of it is durable.
  struct Held {
    std::size_t bytes = 0;
    Lsn until;
  };
  Held older_;
  Held newer_;
  bool is_log_behind_ = false;
  std::vector<std::vector<bridge::Task*>> waiting_of_;  // by the lane that asks
  std::size_t waiting_ = 0;
};

}  // namespace stator::core
