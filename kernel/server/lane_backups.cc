#include "server/lane_backups.h"

#include "stator/args.hpp"
#include "stator/json_writer.hpp"

#include "control/session/session_ops.h"

namespace stator::server {

using bridge::Task;

namespace {

BackupRequest request_of(const Task& task) {
  using namespace session;
  const Args args(reinterpret_cast<const stator_arg_block*>(task.args.data()));
  BackupRequest request;
  request.name = args.str(backup_args::kName);
  if (args.has(backup_args::kBase)) request.base = args.str(backup_args::kBase);
  return request;
}

}  // namespace

Status LaneBackups::check(const Task& task) const {
  return worker_.check(request_of(task), BackupWorker::Place::kDirectory);
}

void answer_backup(Task& task, Result<BackupDone>& result) {
  if (!result.ok()) return task.refuse(result.error());
  const BackupDone& done = result.value();
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("name", std::string_view(done.name))
      .field("lsn", done.lsn.value())
      .field("bytes", done.bytes)
      .field("files", done.files)
      .end_object();
  task.payload.append(out.view());
}

Status LaneBackups::submit(Task* task) {
  STATOR_CHECK(worker_.submit({lane_, ticket_ + 1, request_of(*task)}));
  waiting_.push_back({++ticket_, task});
  ++open_;
  return ok_status();
}

void LaneBackups::take_answers(std::vector<Task*>& done) {
  for (BackupAnswer& one : worker_.take(lane_)) {
    --open_;
    std::erase_if(waiting_, [&](const Waiting& waiting) {
      if (waiting.ticket != one.ticket) return false;
      answer_backup(*waiting.task, one.result);
      done.push_back(waiting.task);
      return true;
    });
  }
}

void LaneBackups::collect(std::uint64_t now_ns, std::vector<Task*>& done) {
  if (open_ > 0) take_answers(done);
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.task->is_cancelled.load(std::memory_order_relaxed)) {
      waiting.task->refuse(Error(ErrorCode::kCancelled, "the request was cancelled; the backup goes on"));
      done.push_back(waiting.task);
      return true;
    }
    if (now_ns < waiting.task->deadline_ns) return false;
    waiting.task->refuse(Error(ErrorCode::kDeadlineExceeded, "deadline_ms",
                               "the deadline passed before the backup was complete; it goes on"));
    done.push_back(waiting.task);
    return true;
  });
}

std::uint64_t LaneBackups::next_deadline_ns() const {
  std::uint64_t next = 0;
  for (const Waiting& waiting : waiting_) {
    if (next == 0 || waiting.task->deadline_ns < next) next = waiting.task->deadline_ns;
  }
  return next;
}

}  // namespace stator::server
