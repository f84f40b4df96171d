#include "server/lane_backup_streams.h"

#include <utility>
#include <vector>

#include "stator/json_writer.hpp"

#include "base/assert.h"
#include "control/session/session_ops.h"
#include "server/backup_manifest.h"
#include "server/lane_backups.h"

namespace stator::server {

using bridge::Task;

namespace {

std::string name_of(const Task& task) {
  return std::string(session::args_of(task).str(session::backup_stream_args::kName));
}

}  // namespace

Status LaneBackupStreams::check(const Task& task) const {
  return worker_.check({name_of(task), {}, nullptr}, BackupWorker::Place::kStream);
}

Status LaneBackupStreams::open(Task& task) {
  using namespace session;
  const Args args = args_of(task);
  std::string base;
  if (args.has(backup_stream_args::kBaseManifest))
    base = args.str(backup_stream_args::kBaseManifest);
  STATOR_TRY(BackupStream * stream, worker_.begin_stream(lane_, name_of(task), std::move(base)));
  task.stream = ++last_number_;
  open_[task.stream] = {&task, stream};
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("name", std::string_view(name_of(task)))
      .field("format", kBackupFormat)
      .end_object();
  task.payload.append(out.view());
  task.frame_ends.push_back(static_cast<std::uint32_t>(task.payload.size()));
  task.is_partial = true;
  return ok_status();
}

void LaneBackupStreams::more(Task& task) {
  const auto found = open_.find(task.stream);
  STATOR_ASSERT(found != open_.end());
  found->second.stream->ask();
}

void LaneBackupStreams::close(Task& task) {
  const auto found = open_.find(task.stream);
  STATOR_ASSERT(found != open_.end());
  worker_.release(found->second.stream);
  open_.erase(found);
}

void LaneBackupStreams::collect(const std::function<void(Task*)>& answer) {
  // An answer may close others.
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, open] : open_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    const auto found = open_.find(number);
    if (found == open_.end()) continue;
    auto part = found->second.stream->take();
    if (!part) continue;
    Task* task = found->second.task;
    if (part->end) {
      task->is_partial = false;
      answer_backup(*task, *part->end);
      worker_.release(found->second.stream);
      open_.erase(found);
    } else {
      task->payload = std::move(part->payload);
      task->frame_ends = std::move(part->ends);
    }
    answer(task);
  }
}

}  // namespace stator::server
