// A lane's side of subscriptions: the tasks whose next part the reader is asked for.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>

#include "base/thread_role.h"
#include "control/session/stream_desk.h"
#include "server/change_reader.h"

namespace stator::server {

class LaneChanges final : public session::StreamDesk {
 public:
  LaneChanges(LaneId lane, ChangeReader& reader, const wal::Log& log)
      : lane_(lane), reader_(reader), log_(log) {}

  Status check(const bridge::Task&) const override { return ok_status(); }
  Status open(bridge::Task& task) override STATOR_ON(lane);
  void more(bridge::Task& task) override STATOR_ON(lane) { reader_.more({lane_, task.stream}); }
  void close(bridge::Task& task) override STATOR_ON(lane);

  // Subscriptions of this lane: they keep a task each, for as long as they like.
  std::size_t open() const STATOR_ON(lane) { return tasks_.size(); }
  // Gives every task that has its next part, or its last answer, to `answer`: one after the other,
  // because an answer may close other streams, whose tasks are void then.
  void collect(const std::function<void(bridge::Task*)>& answer) STATOR_ON(lane);

 private:
  const LaneId lane_;
  ChangeReader& reader_;
  const wal::Log& log_;
  std::unordered_map<std::uint64_t, bridge::Task*> tasks_;  // by number of the ticket
  std::uint64_t last_number_ = 0;
};

}  // namespace stator::server
