#include "bridge/task.h"

#include <charconv>
#include <string_view>

#include "base/assert.h"

namespace stator::bridge {
namespace {

// Beyond this a buffer is freed when its task rests: one large answer must not pin memory.
constexpr std::size_t kKeepBytes = 64 * 1024;
// The same where there may be a thousand of them.
constexpr std::size_t kKeepBytesOfMany = 4096;

}  // namespace

void Task::refuse(const Error& error) {
  STATOR_ASSERT(error.code() != ErrorCode::kOk);
  code = error.code();
  payload.clear();
  payload_is_binary = false;
  error_field = error.field();
  error_sentence = error.sentence();
  error_hint = error.hint();
  retry_after_ms = error.retry_after_ms();
}

void Task::refuse_as_cancelled() {
  refuse(Error(ErrorCode::kCancelled, "the request was cancelled"));
}

void Task::set_note(ByteView text) {
  stator_arg_block block{};
  block.struct_size = sizeof block;
  block.bytes = sizeof block;
  block.vshard = vshard.value();
  args.clear();
  args.append(&block, sizeof block, 1);
  args.append(text.data(), text.size(), 1);
}

void Task::set_request_of(const Task& client) {
  connection = client.connection;
  connection_generation = client.connection_generation;
  request_id = client.request_id;
}

void Task::count_held(std::size_t& sum) {
  const auto bytes_of = [](const Task& task) { return sizeof(Task) + task.args.capacity(); };
  std::size_t bytes = bytes_of(*this);
  for (const Task* one : items) bytes += bytes_of(*one);
  for (const Task* one : children) bytes += bytes_of(*one);
  sum += bytes - held_bytes;
  held_in = &sum;
  held_bytes = bytes;
}

void Task::forget_args() {
  if (args.capacity() > kKeepBytesOfMany) args.release();
  if (held_in != nullptr) count_held(*held_in);
}

void Task::clear_answer() {
  code = ErrorCode::kOk;
  payload.clear();
  payload_is_binary = false;
  next_page.clear();
  lsn_at.clear();
  claims.clear();
}

void Task::fill_in_lsn() {
  if (lsn_at.empty()) return;
  char digits[20];
  for (std::size_t i = lsn_at.size(); i-- > 0;) {
    const std::uint64_t number = lsn_at[i].record == kNoRecord ? 0 : lsn.value() + lsn_at[i].record;
    const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    payload.insert(lsn_at[i].at, {digits, static_cast<std::size_t>(end - digits)});
  }
  lsn_at.clear();
}

void Task::reset() {
  kind = TaskKind::kExecute;
  core_op = CoreOp::kNone;
  priority = Priority::kNormal;
  consistency = Consistency::kStrong;
  tenant = TenantId{};  // not every task is of one
  permissions = 0;
  rows.reset();
  trace_id = 0;
  min_lsn = Lsn{};
  collection.clear();
  idempotency_key.clear();
  request_hash = 0;
  if (args.capacity() > kKeepBytes) args.release();
  args.clear();
  parts.clear();
  items.clear();
  item = 0;
  lsn_at.clear();
  is_round = false;
  is_in_one_piece = false;
  wants_pages = false;  // next_page is written before it is read
  is_read = false;
  is_repeat = false;
  wants_round = false;
  wants_all = false;
  is_later = false;
  is_held = false;
  is_again = false;
  claims.rest(kKeepBytes);
  records.rest(kKeepBytes);
  record_count = 0;
  is_cancelled.store(false, std::memory_order_relaxed);
  code = ErrorCode::kOk;
  payload_is_binary = false;
  lsn = Lsn{};
  payload.rest(kKeepBytes);
  error_field.clear();
  error_sentence.clear();
  error_hint.clear();
  retry_after_ms = 0;
  answer_after = Lsn{};
  seen = Lsn{};
  connection = kNoConnection;
  client_id.clear();
  parent = nullptr;
  children.clear();
  children_open = 0;
  is_atomic = true;
  is_held_by_session = false;
  is_step = false;
  is_streaming = false;
  away_bytes = 0;
  kept_bytes = 0;
  items_bytes = 0;
  is_abandoned = false;
  is_out = false;
  is_backup = false;
  is_partial = false;
  frame_ends.clear();
  stream_next = Lsn{};
  stream = 0;
  is_strict = false;
  if (open_count != nullptr) open_count->fetch_sub(1, std::memory_order_relaxed);
  open_count = nullptr;
  if (held_in != nullptr) *held_in -= held_bytes;
  held_in = nullptr;
  held_bytes = 0;
}

Error not_durable_in_time() {
  return {ErrorCode::kDeadlineExceeded, "deadline_ms",
          "the log's disk is full: what was written or seen may become durable later, or not"};
}

Task* TaskPool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Task>());
    free_.push_back(all_.back().get());
  }
  Task* task = free_.back();
  free_.pop_back();
  ++taken_;
  return task;
}

void TaskPool::give_back(Task* task) {
  STATOR_ASSERT(taken_ > 0);
  for (Task* item : task->items) give_back(item);
  task->reset();
  free_.push_back(task);
  --taken_;
}

}  // namespace stator::bridge
