// Requests that end before their time: the client cancels one, or goes away and with it all it asked
// for.
#include "control/session/session.h"
#include "control/session/session_ops.h"
#include "stator/args.hpp"
#include "stator/json_reader.hpp"

namespace stator::session {

using bridge::Task;

namespace {

// Of two ids as JSON text: "a" and "\u0061" are the same, 7 and "7" are not.
bool is_same_id(std::string_view one, std::string_view other) {
  if (one == other) return true;
  if (one.empty() || other.empty() || one.front() != '"' || other.front() != '"') return false;
  json::Reader one_reader(one);
  json::Reader other_reader(other);
  json::RawString one_text;
  json::RawString other_text;
  return one_reader.string(one_text) && other_reader.string(other_text) &&
         json::unescape(one_text) == json::unescape(other_text);
}

}  // namespace

Task* Session::find_open(const Task& asking) {
  const Args args = args_of(asking);
  const bool by_number = args.has(cancel_args::kRequestId);
  const auto is_it = [&](const Task& task) {
    if (&task == &asking) return false;
    return by_number ? task.request_id == args.u64(cancel_args::kRequestId)
                     : is_same_id(task.client_id, asking.client_id);
  };
  for (const Stream& stream : streams_.begun) {
    if (is_it(*stream.task)) return stream.task;
  }
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    const Slot& open = slot(id);
    if (open.request != nullptr && is_it(*open.request)) return open.request;
    // A stream whose first part waits for its turn.
    if (open.task != nullptr && open.task->is_partial && is_it(*open.task)) return open.task;
  }
  return nullptr;
}

Task* Session::find_asked_for(Task* asking) {
  if (!args_of(*asking).has(cancel_args::kRequestId) && asking->client_id.empty()) {
    refuse(asking, Error(ErrorCode::kBadRequest, "request_id", "missing 'request_id' (or 'id')"));
    return nullptr;
  }
  Task* found = find_open(*asking);
  if (found == nullptr) {
    refuse(asking, Error(ErrorCode::kNotFound, "this connection has no such request open"));
  }
  return found;
}

void Session::abandon_all() {
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    Task* task = slot(id).request;
    if (task != nullptr && task != flow_.request) own_host().dispatcher->cancel(task);
  }
  abandon_streams();
}

}  // namespace stator::session
