// Answers in parts. A stream's first part is sent in the order of the requests; from then on it has
// left the order: later answers do not wait for its end, and its parts come between them. One part
// is on its way at a time, and the next is asked for when the connection owes its client little.
#include <algorithm>

#include "stator/json_writer.hpp"

#include "base/assert.h"
#include "base/clock.h"
#include "control/gate/gate.h"
#include "control/session/session.h"
#include "control/session/session_ops.h"

namespace stator::session {

using bridge::Task;

namespace {

// Beyond this the buffer of a part is freed when it was sent.
constexpr std::size_t kKeepPartBytes = kStreamChunkBytes;

}  // namespace

SessionOp Session::session_op_of(const Task& task) const {
  return static_cast<SessionOp>(host_.table->entries()[task.entry].session_op);
}

StreamDesk& Session::desk_of(const Task& stream) {
  const bool is_backup = session_op_of(stream) == SessionOp::kBackupStream;
  return is_backup ? *host_.backup_streams : *host_.changes;
}

Error Session::cancelled(const Task& stream) const {
  Error error(ErrorCode::kCancelled, "the request was cancelled");
  if (session_op_of(stream) != SessionOp::kSubscribe) return error;
  return std::move(error).with_hint("everything before LSN " +
                                    std::to_string(stream.stream_next.value()) + " was sent");
}

void Session::start_stream(Task* task) {
  const std::size_t open = streams_.size() + waiting_streams_;
  if (open >= kStreamsPerConnectionMax) {
    return refuse(task, Error(ErrorCode::kResourcesExhausted,
                              "a connection has at most " +
                                  std::to_string(kStreamsPerConnectionMax) + " streams open"));
  }
  task->tenant = identity_.tenant;
  auto opened = desk_of(*task).open(*task);
  if (!opened.ok()) return refuse(task, opened.error());
  ++waiting_streams_;
  send(task);
}

void Session::begin_stream(Task* task) {
  STATOR_ASSERT(waiting_streams_ > 0);
  --waiting_streams_;
  task->is_streaming = true;
  streams_.push_back({task, false});
  ++host_.streams_open;
  put_parts(*task);
  if (is_input_ended_) return end_stream(task, cancelled(*task));
  ask_for_more(streams_.back());
}

void Session::ask_for_more(Stream& stream) {
  const bool has_room = output_.size() < kStreamBytesUnsentMax;
  if (stream.is_paused == has_room) has_room ? --host_.streams_paused : ++host_.streams_paused;
  stream.is_paused = !has_room;
  if (!has_room) return;
  stream.task->payload.rest(kKeepPartBytes);
  stream.task->frame_ends.clear();
  desk_of(*stream.task).more(*stream.task);
}

void Session::resume_streams() {
  for (Stream& stream : streams_) {
    if (stream.is_paused) ask_for_more(stream);
  }
}

// What the client may see can change while it looks: a part is sent only if it still may.
bool Session::may_go_on(const Task& stream) {
  renew_identity(system_clock().monotonic_ns());
  if (session_op_of(stream) == SessionOp::kBackupStream) {
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
  const auto stream = std::find_if(streams_.begin(), streams_.end(),
                                   [&](const Stream& one) { return one.task == task; });
  STATOR_ASSERT(stream != streams_.end());
  ask_for_more(*stream);
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
  std::erase_if(streams_, [&](const Stream& one) {
    if (one.task != task) return false;
    --host_.streams_open;
    if (one.is_paused) --host_.streams_paused;
    return true;
  });
}

// `reason`: why, nothing for an end that the client asked for.
void Session::end_stream(Task* task, std::optional<Error> reason) {
  desk_of(*task).close(*task);
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
  STATOR_ASSERT(waiting_streams_ > 0);
  --waiting_streams_;
  waiting_bytes_ += task->payload.size() - before;
}

void Session::end_streams(const Error& reason) {
  while (!streams_.empty()) end_stream(streams_.front().task, reason);
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    Task* task = slot(id).task;
    if (task != nullptr && task->is_partial) end_stream(task, reason);
  }
}

void Session::end_of_input() {
  is_input_ended_ = true;
  end_streams(Error(ErrorCode::kCancelled, "the client ended its side of the connection"));
}

void Session::end_streams_at_stop() {
  end_streams(Error(ErrorCode::kBusy,
                    "the server stops; subscribe again with from_lsn, begin a backup anew")
                  .with_retry_after(1000));
}

void Session::unsubscribe(Task* task) {
  Task* stream = find_asked_for(task);
  if (stream == nullptr) return;
  if (stream->stream == 0 || session_op_of(*stream) != SessionOp::kSubscribe) {
    return refuse(task, Error(ErrorCode::kNotFound, "this request is no subscription"));
  }
  end_stream(stream, std::nullopt);
  send_members(task, {});
}

void Session::cancel(Task* task) {
  Task* target = find_asked_for(task);
  if (target == nullptr) return;
  target->stream != 0 ? end_stream(target, cancelled(*target))
                      : own_host().dispatcher->cancel(target);
  send_members(task, {});
}

void Session::abandon_streams() {
  for (const Stream& stream : std::exchange(streams_, {})) {
    desk_of(*stream.task).close(*stream.task);
    --host_.streams_open;
    if (stream.is_paused) --host_.streams_paused;
    host_.pool->give_back(stream.task);
  }
  for (const Slot& answer : slots_) {
    if (answer.task != nullptr && answer.task->is_partial)
      desk_of(*answer.task).close(*answer.task);
  }
}

}  // namespace stator::session
