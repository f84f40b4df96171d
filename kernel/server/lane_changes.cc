#include "server/lane_changes.h"

#include <utility>

#include "stator/args.hpp"

#include "control/session/session_ops.h"

namespace stator::server {

using bridge::Task;

Status LaneChanges::open(Task& task) {
  using namespace session;
  const Args args(reinterpret_cast<const stator_arg_block*>(task.args.data()));
  const Lsn now{log_.durable().value() + 1};
  Lsn from{args.u64(subscribe_args::kFromLsn)};
  if (from == Lsn{0}) from = now;
  // Nobody can have seen what is not durable: it is another log, or an older state of this one.
  if (from > now) {
    return Error(ErrorCode::kBadRequest, "from_lsn",
                 "'from_lsn' is behind the end of the log, whose next LSN is " +
                     std::to_string(now.value()));
  }
  ChangeQuery query{task.tenant,
                    args.boolean(subscribe_args::kAllCollections) ? "" : task.collection,
                    args.boolean(subscribe_args::kValues), from};
  STATOR_CHECK(reader_.open({lane_, last_number_ + 1}, std::move(query)));
  task.stream = ++last_number_;
  task.stream_next = from;
  tasks_[task.stream] = &task;
  ChangeWriter::write_subscribed(from, task.payload);
  task.frame_ends.push_back(static_cast<std::uint32_t>(task.payload.size()));
  task.is_partial = true;
  return ok_status();
}

void LaneChanges::close(Task& task) {
  tasks_.erase(task.stream);
  reader_.close({lane_, task.stream});
}

void LaneChanges::collect(const std::function<void(Task*)>& answer) {
  for (ChangePart& part : reader_.take(lane_)) {
    const auto found = tasks_.find(part.number);
    if (found == tasks_.end()) continue;  // closed meanwhile
    Task* task = found->second;
    task->stream_next = part.next;
    if (part.status.ok()) {
      task->payload = std::move(part.events);
      task->frame_ends = std::move(part.ends);
    } else {
      task->is_partial = false;
      task->refuse(part.status.error());
      tasks_.erase(found);
    }
    answer(task);
  }
}

}  // namespace stator::server
