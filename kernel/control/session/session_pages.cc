// Pages as parts of one answer (docs/adr/0057-pages-as-parts.md): of an op that says where its
// answer ended, the next page is asked for when the connection owes its client little. Each page is
// a request of its own in all but the client's eyes: it waits in the lanes' queues, has its own
// time, and is admitted with the rights that the client has then. Between two pages a stream holds
// its arguments and nothing else.
#include "base/assert.h"
#include "base/clock.h"
#include "control/gate/gate.h"
#include "control/session/session.h"
#include "control/session/session_ops.h"

namespace stator::session {

using bridge::Task;

Status Session::open_pages(const ops::OpEntry& entry, Task& task) {
  const std::size_t stream = entry.args.stream();
  if (stream == ops::kNoArg || !args_of(task).boolean(stream)) return ok_status();
  STATOR_CHECK(streams_.check_room());
  task.wants_pages = true;
  ++streams_.waiting;
  return ok_status();
}

bool take_page(Task& task) {
  if (task.code != ErrorCode::kOk || task.next_page.empty()) return false;
  task.is_partial = true;
  task.frame_ends.assign(1, static_cast<std::uint32_t>(task.payload.size()));
  return true;
}

void Session::ask_for_page(Stream& stream) {
  auto sent = send_for_page(stream);
  if (!sent.ok()) return end_stream(stream.task, sent.error());
  stream.is_away = true;
}

Status Session::send_for_page(Stream& stream) {
  if (host_.is_ending_streams) return streams_stop();
  Task& task = *stream.task;
  const ops::OpEntry& entry = host_.table->entries()[task.entry];
  entry.args.put_cursor({task.args, 0}, stream.args_bytes, task.next_page);
  task.kind = bridge::TaskKind::kExecute;
  task.is_partial = false;
  task.frame_ends.clear();
  task.parts.clear();
  task.clear_answer();
  task.answer_after = Lsn{};
  task.rows.reset();
  const std::uint64_t now_ns = system_clock().monotonic_ns();
  task.deadline_ns = now_ns + stream.page_ns;
  renew_identity(now_ns);
  STATOR_CHECK(gate::admit(identity_, entry, host_.table->catalog(), now_ns, task));
  return own_host().dispatcher->dispatch(&task, gate::route_of(entry));
}

void Session::on_page(Task* task) {
  Stream& stream = streams_.of(*task);
  stream.task = task;  // another one than was sent where a lane is stuck
  stream.is_away = false;
  if (!take_page(*task)) return finish_stream(task);
  put_parts(*task);
  ask_for_more(stream);
}

}  // namespace stator::session
