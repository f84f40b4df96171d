// Requests that end before their time: the client cancels one, or goes away and with it all it asked
// for.
#include "control/session/session.h"
#include "control/session/session_ops.h"
#include "stator/args.hpp"
#include "stator/json_reader.hpp"

namespace stator::session {

using bridge::Task;

namespace {

Args args_of(const Task& task) {
  return Args(reinterpret_cast<const stator_arg_block*>(task.args.data()));
}

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
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    Task* task = slot(id).request;
    if (task != nullptr && is_it(*task)) return task;
  }
  return nullptr;
}

void Session::cancel(Task* task) {
  if (!args_of(*task).has(cancel_args::kRequestId) && task->client_id.empty()) {
    return refuse(task, Error(ErrorCode::kBadRequest, "request_id", "missing 'request_id' (or 'id')"));
  }
  Task* target = find_open(*task);
  if (target == nullptr) {
    return refuse(task, Error(ErrorCode::kNotFound, "this connection has no such request open"));
  }
  host_.dispatcher->cancel(target);
  send_members(task, {});
}

void Session::abandon_all() {
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    Task* task = slot(id).request;
    if (task != nullptr && task != flow_.request) host_.dispatcher->cancel(task);
  }
}

}  // namespace stator::session
