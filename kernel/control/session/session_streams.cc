// Answers in parts: changes, which a desk makes, and pages (session_pages.cc). A stream's first
// part is sent in the order of the requests; from then on it has left the order: later answers do
// not wait for its end, and its parts come between them. One part is on its way at a time, and the
// next is asked for when the connection owes its client little.
#include <algorithm>

#include "stator/json_writer.hpp"

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "control/gate/gate.h"
#include "control/session/session.h"
#include "control/session/session_ops.h"

namespace stator::session {

using bridge::Task;

namespace {

// Beyond this the buffer of a part is freed when it was sent.
constexpr std::size_t kKeepPartBytes = kStreamChunkBytes;

StreamDesk& desk_of(SessionHost& host, const Task& stream) {
  const bool is_backup = session_op_of(*host.table, stream) == SessionOp::kBackupStream;
  return is_backup ? *host.backup_streams : *host.changes;
}

Error cancelled(const SessionHost& host, const Task& stream) {
  Error error(ErrorCode::kCancelled, "the request was cancelled");
  const bool has_lsn =
      !stream.wants_pages && session_op_of(*host.table, stream) == SessionOp::kSubscribe;
  if (!has_lsn) return error;
  return std::move(error).with_hint("everything before LSN " +
                                    std::to_string(stream.stream_next.value()) + " was sent");
}

}  // namespace

void Session::start_stream(Task* task) {
  if (auto room = streams_.check_room(); !room.ok()) return refuse(task, room.error());
  task->tenant = identity_.tenant;
  auto opened = desk_of(own_host(), *task).open(*task);
  if (!opened.ok()) return refuse(task, opened.error());
  ++streams_.waiting;
  send(task);
}

void Session::begin_stream(Task* task) {
  STATOR_ASSERT(streams_.waiting > 0);
  --streams_.waiting;
  task->is_streaming = true;
  streams_.begun.push_back({.task = task,
                            .page_ns = task->deadline_ns - task->arrived_ns,
                            .args_bytes = task->args.size()});
  ++host_.streams_open;
  if (task->wants_pages) ++streams_.pages;
  put_parts(*task);
  if (is_input_ended_ && !task->wants_pages) return end_stream(task, cancelled(host_, *task));
  ask_for_more(streams_.begun.back());
}

void Session::ask_for_more(Stream& stream) {
  const bool has_room = output_.size() < kStreamBytesUnsentMax;
  if (stream.is_paused == has_room) has_room ? --host_.streams_paused : ++host_.streams_paused;
  stream.is_paused = !has_room;
  if (!has_room) return;
  if (stream.task->wants_pages) return ask_for_page(stream);
  stream.task->payload.rest(kKeepPartBytes);
  stream.task->frame_ends.clear();
  desk_of(own_host(), *stream.task).more(*stream.task);
}

void Session::resume_streams() {
  for (std::size_t i = 0; i < streams_.begun.size();) {
    const std::uint64_t request_id = streams_.begun[i].task->request_id;
    if (streams_.begun[i].is_paused) ask_for_more(streams_.begun[i]);
    // One that cannot go on has ended, and the next one has its place.
    if (i < streams_.begun.size() && streams_.begun[i].task->request_id == request_id) ++i;
  }
}

// What the client may see can change while it looks: a part is sent only if it still may.
bool Session::may_go_on(const Task& stream) {
  renew_identity(system_clock().monotonic_ns());
  if (session_op_of(*host_.table, stream) == SessionOp::kBackupStream) {
    return identity_.is_known && (identity_.rights.everywhere & STATOR_PERM_SERVER) != 0;
  }
  const std::string_view collection = subscribed(stream);
  const std::uint32_t granted =
      collection.empty() ? identity_.rights.everywhere : identity_.rights.in(collection);
  return identity_.is_known && (granted & STATOR_PERM_READ) != 0 &&
         gate::sees_every_row(identity_, collection);
}

void Session::on_part(Task* task) {
  if (!task->is_partial) return finish_stream(task);
  if (!may_go_on(*task)) {
    return end_stream(task, Error(ErrorCode::kRejectedAuthz, "the permission to read it was taken away"));
  }
  put_parts(*task);
  ask_for_more(streams_.of(*task));
}

// Its last answer is in the task.
void Session::finish_stream(Task* task) {
  if (task->code != ErrorCode::kOk) {
    ++host_.errors;
    if (host_.meter != nullptr) host_.meter->note_error(task->code);
  }
  put_last(*task, nullptr);
  forget_stream(task);
  host_.pool->give_back(task);
}

void Session::forget_stream(Task* task) {
  std::erase_if(streams_.begun, [&](const Stream& one) {
    if (one.task != task) return false;
    if (task->wants_pages) --streams_.pages;
    --host_.streams_open;
    if (one.is_paused) --host_.streams_paused;
    return true;
  });
}

// `reason`: why, nothing for an end that the client asked for.
void Session::end_stream(Task* task, std::optional<Error> reason) {
  if (!task->wants_pages) {
    desk_of(own_host(), *task).close(*task);
  } else if (task->is_streaming && streams_.of(*task).is_away) {
    Stream& stream = streams_.of(*task);
    task = stream.task = own_host().dispatcher->replace(task);
  }
  const std::size_t before = task->payload.size();
  task->is_partial = false;
  task->payload.clear();
  if (reason) {
    task->refuse(*reason);
  } else {
    task->payload.append(R"({"next_lsn":)" + std::to_string(task->stream_next.value()) + "}");
  }
  if (task->is_streaming) return finish_stream(task);
  // Its first part still waits for its turn: this takes its place.
  STATOR_ASSERT(streams_.waiting > 0);
  --streams_.waiting;
  waiting_bytes_ += task->payload.size() - before;
}

void Session::end_streams(const Error& reason, bool (*is_meant)(const Task&)) {
  for (std::size_t i = 0; i < streams_.begun.size();) {
    is_meant(*streams_.begun[i].task) ? end_stream(streams_.begun[i].task, reason)
                                      : static_cast<void>(++i);
  }
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    Task* task = slot(id).task;
    if (task != nullptr && task->is_partial && is_meant(*task)) end_stream(task, reason);
  }
}

void Session::end_streams(const Error& reason) {
  end_streams(reason, [](const Task&) { return true; });
}

void Session::end_of_input() {
  is_input_ended_ = true;
  end_streams(Error(ErrorCode::kCancelled, "the client ended its side of the connection"),
              [](const Task& task) { return !task.wants_pages; });
}

void Session::end_streams_at_stop() { end_streams(streams_stop()); }

Error streams_stop() {
  return Error(ErrorCode::kBusy,
               "the server stops, or moves data; ask again, for what comes behind the last part "
               "where the op can begin there")
      .with_retry_after(kRetryBusyMs);
}

void Session::unsubscribe(Task* task) {
  Task* stream = find_asked_for(task);
  if (stream == nullptr) return;
  if (stream->stream == 0 || session_op_of(*host_.table, *stream) != SessionOp::kSubscribe) {
    return refuse(task, Error(ErrorCode::kNotFound, "this request is no subscription"));
  }
  end_stream(stream, std::nullopt);
  send_members(task, {});
}

void Session::cancel(Task* task) {
  Task* target = find_asked_for(task);
  if (target == nullptr) return;
  // What is not carried out now is a stream that has begun, or whose first part waits for its turn.
  const bool is_stream = slot(target->request_id).request != target;
  is_stream ? end_stream(target, cancelled(host_, *target)) : own_host().dispatcher->cancel(target);
  send_members(task, {});
}

void Session::abandon_streams() {
  streams_.pages = 0;
  for (const Stream& stream : std::exchange(streams_.begun, {})) {
    --host_.streams_open;
    if (stream.is_paused) --host_.streams_paused;
    if (!stream.task->wants_pages) desk_of(own_host(), *stream.task).close(*stream.task);
    host_.pool->give_back(stream.is_away ? own_host().dispatcher->replace(stream.task)
                                         : stream.task);
  }
  for (const Slot& answer : slots_) {
    const bool is_stream = answer.task != nullptr && answer.task->is_partial;
    if (is_stream && !answer.task->wants_pages) desk_of(own_host(), *answer.task).close(*answer.task);
  }
}

}  // namespace stator::session
