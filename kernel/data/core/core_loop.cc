#include "data/core/core_loop.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "stator/args.hpp"

#include "base/assert.h"
#include "base/log.h"
#include "base/thread_role.h"
#include "data/core/call_scope.h"
#include "data/core/kernel_record.h"
#include "io/crash_report.h"
#include "plugin/engine_scope.h"

namespace stator::core {

namespace {

bool is_erase(const wal::RecordView& record) {
  return record.engine == kKernelEngine &&
         record.type == static_cast<std::uint32_t>(KernelRecord::kErase);
}

}  // namespace

void CoreLoop::refuse_dropped(bridge::Task& task) {
  task.refuse(Error(ErrorCode::kUnauthenticated, "the tenant is no longer there"));
}

using bridge::Consistency;
using bridge::CoreOp;
using bridge::Task;
using bridge::TaskKind;

CoreLoop::CoreLoop(const CoreOptions& options)
    : options_(options),
      long_reads_(host_, *options.clock, interrupt_,
                  [this](Task& task, stator_call& call) {
                    if (is_of_dropped(task)) return refuse_dropped(task);
                    if (refuse_quarantined(task)) return;
                    task.kind == TaskKind::kMerge ? execute_merge(task, call)
                                                  : execute_read(task, call);
                  }),
      parked_(*options.store),
      eraser_(host_, options.drops, options.end_of_drop),
      answers_(options.lane, options.mesh) {
  host_.lane = options.lane;
  host_.store = options.store;
  host_.catalog = options.catalog;
  host_.binding = options.binding;
  host_.vshards = options.vshards;
  host_.interrupt = &interrupt_;
  host_.pauser = &long_reads_;
  host_.alarms = &work_;
  host_.dropped = &eraser_.marked();
  host_.quarantine = options.quarantine;
}

CoreLoop::~CoreLoop() {
  long_reads_.stop();
  close_engines();
  host_.memory.tell(options_.on_memory);
}

void CoreLoop::close_engines() {
  for (std::size_t i = 0; i < host_.instances.size(); ++i) {
    const plugin::Engine& engine = *options_.catalog->engines()[i];
    const plugin::EngineScope scope(engine, "close");
    engine.descriptor.close(host_.instances[i]);
  }
  host_.instances.clear();
  host_.memory.forget();
}

void CoreLoop::execute(Task& task) {
  if (!task.is_step_of_batch()) {
    if (task.was_cancelled()) return task.refuse_as_cancelled();
    if (now_ns_ >= task.deadline_ns) {
      return task.refuse(Error(ErrorCode::kDeadlineExceeded, "deadline_ms",
                               "the deadline passed before the request was executed"));
    }
  }
  if (is_of_dropped(task)) return refuse_dropped(task);
  switch (task.kind) {
    case TaskKind::kExecute:
      if (task.core_op == CoreOp::kWork) return execute_work(task);
      break;
    case TaskKind::kMerge:
      if (refuse_quarantined(task)) return;
      return execute_merge(task, call_);
    case TaskKind::kBatch: return execute_batch(task);
    case TaskKind::kBatchWait:
      return;
    case TaskKind::kBatchPrepare: return prepare_batch(task);
    case TaskKind::kBatchAppend: return append_batch(task);
    case TaskKind::kBatchCheck:
      return check_batch(task);
    case TaskKind::kBatchApply:
      return apply_batch(task);
    case TaskKind::kBatchCancel:
      return cancel_batch(task);
    case TaskKind::kBatchFinish: task.answer_after = task.seen; return;
  }
  if (refuse_quarantined(task)) return;
  const stator_op& row = *options_.catalog->ops()[task.op].row;
  const WatchScope watch(*options_.watchdog, options_.lane, row, task, interrupt_);
  row.op_class == STATOR_OP_READ ? execute_read(task, call_) : execute_write(task);
}

bool CoreLoop::refuse_quarantined(Task& task) const {
  if (options_.quarantine == nullptr || task.core_op != CoreOp::kNone) return false;
  Status checked = options_.quarantine->check_request(task, *options_.catalog);
  if (checked.ok()) return false;
  task.refuse(checked.error());
  return true;
}

stator_request CoreLoop::request_of(const Task& task, const plugin::Op& op, stator_call& call) {
  return {sizeof(stator_request),
          op.op_index,
          task.tenant.value(),
          task.vshard.value(),
          {task.collection.data(), task.collection.size()},
          reinterpret_cast<const stator_arg_block*>(task.args.data()),
          host_.time_ms,
          task.trace_id,
          &interrupt_,
          &call};
}

void CoreLoop::take_answer(Task& task, stator_call& call, stator_status status) {
  // An engine that was interrupted does not know why.
  if (status == STATOR_E_DEADLINE_EXCEEDED && task.was_cancelled())
    return task.refuse_as_cancelled();
  if (status != STATOR_OK) {
    task.refuse(Error(error_code_from(status), call.error_field, call.error_sentence));
    return;
  }
  task.payload_is_binary = call.reply_is_binary;
  if (task.wants_pages) task.next_page.swap(call.next_page);
  if (call.lsn_at >= 0) task.lsn_at.push_back({static_cast<std::uint32_t>(call.lsn_at), 0});
}

void CoreLoop::execute_read(Task& task, stator_call& call) {
  const plugin::Op& op = options_.catalog->ops()[task.op];
  const plugin::Engine& engine = options_.catalog->engine_of(op);
  call.begin(host_, host::Phase::kRead, engine, task.tenant, task.collection);
  const CallScope scope(call);
  call.task = &task;
  call.op = op.row;
  call.vshard = task.vshard.value();
  call.reply = &task.payload;
  const stator_request request = request_of(task, op, call);
  take_answer(task, call, engine.descriptor.read(host_.instances[op.engine], &request));
  task.is_read = true;
  if (task.consistency == Consistency::kStrong) task.answer_after = seen_by(task);
}

// The base of the lane that is furthest behind counts.
void CoreLoop::merge_checkpoint(Task& task) {
  std::uint64_t smallest = std::numeric_limits<std::uint64_t>::max();
  for (const ByteView part : task.parts) {
    std::uint64_t lsn = 0;
    const auto [stop, reason] = std::from_chars(part.data(), part.data() + part.size(), lsn);
    STATOR_ASSERT(reason == std::errc() && stop == part.data() + part.size());
    smallest = std::min(smallest, lsn);
  }
  task.payload.append(R"({"lsn":)" + std::to_string(smallest) + "}");
}

void CoreLoop::execute_merge(Task& task, stator_call& call) {
  if (task.core_op == CoreOp::kCheckpoint) return merge_checkpoint(task);
  if (task.core_op == CoreOp::kWork) return;  // on all lanes: nobody is told
  const plugin::Op& op = options_.catalog->ops()[task.op];
  const plugin::Engine& engine = options_.catalog->engine_of(op);
  call.begin(host_, host::Phase::kMerge, engine, task.tenant, task.collection);
  const CallScope scope(call);
  call.task = &task;
  call.op = op.row;
  call.reply = &task.payload;
  const stator_request request = request_of(task, op, call);
  std::vector<stator_bytes> parts;
  for (const ByteView part : task.parts) {
    parts.push_back({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()});
  }
  take_answer(
      task, call,
      engine.descriptor.merge(host_.instances[op.engine], &request, parts.data(), parts.size()));
  // The parts are durable; what it saw beside them may be newer.
  const bool is_read = op.row->op_class == STATOR_OP_READ;
  if (!is_read || task.consistency == Consistency::kStrong) task.answer_after = last_applied_;
  if (!call.is_later) return;
  task.clear_answer();
  task.is_later = true;
}

bool CoreLoop::answer_from_idempotency(Task& task) {
  if (task.idempotency_key.empty() ||
      !IdempotencyTable::find(host_.own_store(), host_.time_ms, task))
    return false;
  task.answer_after = task.lsn;
  return true;
}

void CoreLoop::execute_write(Task& task) {
  if (answer_from_idempotency(task)) return;
  const plugin::Op& op = options_.catalog->ops()[task.op];
  const plugin::Engine& engine = options_.catalog->engine_of(op);
  batch_.clear();
  call_.begin(host_, host::Phase::kPrepare, engine, task.tenant, task.collection);
  const CallScope scope(call_);
  call_.task = &task;
  call_.op = op.row;
  call_.vshard = task.vshard.value();
  call_.reply = &task.payload;
  call_.batch = &batch_;
  call_.claims = &task.claims;
  const stator_request request = request_of(task, op, call_);
  const stator_status status = engine.descriptor.prepare(host_.instances[op.engine], &request);
  call_.phase = host::Phase::kIdle;  // a fault from here on is not the engine's
  take_answer(task, call_, status);
  if (status != STATOR_OK) {
    task.answer_after = seen_by(task);
    return;
  }
  const bool is_part =
      op.row->placement == STATOR_PLACE_ALL || op.row->placement == STATOR_PLACE_ROWS;
  const bool is_shared = is_part && (call_.is_together || !task.claims.empty());
  if (wants_round(task, is_shared)) return ask_for_round(task);
  if (!task.claims.empty()) {
    const ByteView claims = task.claims.view();
    if (auto checked = check_claims({&claims, 1}, false); !checked.ok()) {
      task.answer_after = last_applied_;
      return task.refuse(checked.error());
    }
  }
  commit(task, seen_by(task));
}

Status CoreLoop::append(Task& task) {
  if (options_.quarantine != nullptr) {
    STATOR_CHECK(options_.quarantine->check_records(batch_.records()));
  }
  if (!task.idempotency_key.empty()) STATOR_CHECK(IdempotencyTable::add(batch_, task, task.vshard));
  STATOR_TRY(task.lsn, options_.log->append(batch_, host_.time_ms, epoch_));
  return ok_status();
}

void CoreLoop::commit(Task& task, Lsn seen) {
  task.answer_after = seen;
  if (batch_.count() > 0) {
    if (auto appended = append(task); !appended.ok()) {
      task.answer_after = Lsn{};  // tells nothing of what it saw
      return task.refuse(appended.error());
    }
    wal::RecordCursor records(batch_.records());
    wal::RecordView record;
    for (Lsn lsn = task.lsn; records.next(record); lsn = Lsn{lsn.value() + 1}) {
      const Status applied = apply(record, lsn, host_.time_ms);
      STATOR_ASSERT(applied.ok());
      task.answer_after = lsn;
    }
  }
  task.fill_in_lsn();
}

Status CoreLoop::apply(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) {
  last_applied_ = std::max(last_applied_, lsn);
  // No answer shows what it erased, so none waits for it.
  if (is_erase(record)) return eraser_.apply_erase(record);
  last_of_[std::min(record.vshard.value(), kVShards)] = lsn;
  if (record.engine == kKernelEngine) return apply_kernel_record(record, lsn, time_ms);
  const auto& engines = options_.catalog->engines();
  const auto it = std::find_if(engines.begin(), engines.end(),
                               [&](const auto& e) { return e->number == record.engine; });
  const bool is_kept = options_.quarantine != nullptr && options_.quarantine->holds(record, lsn);
  assume_on(threads::lane);  // recover() and run() asked
  if (it == engines.end() || is_kept) return parked_.park(record, lsn, time_ms);
  const plugin::Engine& engine = **it;
  apply_call_.begin(host_, host::Phase::kApply, engine, record.tenant, record.collection);
  const CallScope scope(apply_call_);
  apply_call_.record = &record;
  apply_call_.lsn = lsn;
  apply_call_.is_replay = is_replaying_;
  const stator_record lent = {sizeof lent,
                              record.type,
                              record.tenant.value(),
                              record.vshard.value(),
                              {record.collection.data(), record.collection.size()},
                              {reinterpret_cast<const std::uint8_t*>(record.payload.data()),
                               record.payload.size()},
                              lsn.value(),
                              time_ms,
                              &apply_call_};
  const auto index = static_cast<std::size_t>(it - engines.begin());
  stator_status status = STATOR_OK;
  {
    const host::HeapScope heap(host_.memory, record.tenant);
    status = engine.descriptor.apply(host_.instances[index], &lent);
  }
  if (status == STATOR_OK) {
    if (engine.is_builtin && options_.on_system_record) options_.on_system_record(record);
    return ok_status();
  }
  // It is in the log: an engine that cannot apply what it prepared would make memory and log
  // differ, so the process stops here, before anybody sees the difference.
  STATOR_ASSERT(is_replaying_);
  io::report_failure("apply answers " + std::string(wire_name(error_code_from(status))));
  return Error(error_code_from(status), "engine '" + engine.id + "' failed to apply record type " +
                                            std::to_string(record.type) + " at LSN " +
                                            std::to_string(lsn.value()));
}

Status CoreLoop::apply_kernel_record(const wal::RecordView& record, Lsn lsn,
                                     std::uint64_t time_ms) {
  switch (static_cast<KernelRecord>(record.type)) {
    case KernelRecord::kEngineNumber:
      host_.own_store().put(engine_number_key(record.payload.substr(2)), kEveryVShard,
                            record.payload);
      return ok_status();
    case KernelRecord::kKeptAnswer:
    case KernelRecord::kKeptAnswerOfMany:
      IdempotencyTable::apply(host_.own_store(), record, lsn, time_ms);
      return ok_status();
    case KernelRecord::kOldAnswer:
    case KernelRecord::kSeal: return ok_status();
    case KernelRecord::kErase:
      break;  // apply() has it
    case KernelRecord::kTenantDropped:
      eraser_.apply_mark(record);
      return ok_status();
    case KernelRecord::kTenantGone:
      eraser_.apply_unmark(record);
      return ok_status();
  }
  return Error(ErrorCode::kCorrupted, "the log holds an unknown kernel record of type " +
                                          std::to_string(record.type) +
                                          "; it was written by a newer version");
}

bool CoreLoop::is_mine(VShardId vshard) const {
  return vshard == kEveryVShard || options_.vshards->lane_of(vshard) == options_.lane;
}

Status CoreLoop::recover() {
  STATOR_CHECK(open_engines());
  STATOR_CHECK(replay_all());
  host_.memory.tell(options_.on_memory);
  const ParkedCounts parked = parked_.counts(options_.lane);
  if (!parked.empty() && options_.on_parked) options_.on_parked(parked);
  return ok_status();
}

Status CoreLoop::replay_all() {
  is_replaying_ = true;
  STATOR_CHECK(give_back_parked());
  STATOR_CHECK(replay_tail());
  is_replaying_ = false;
  return ok_status();
}

Status CoreLoop::replay_tail() {
  epoch_ = options_.log->epoch();
  const Lsn applied = host_.own_store().applied();
  return wal::read_durable(
      *options_.log, Lsn{applied.value() + 1},
      [this](const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms)
          STATOR_ON(lane) { return replay(record, lsn, time_ms); },
      [this](std::uint64_t done, std::uint64_t total) {
        if (options_.progress == nullptr) return;
        if (const auto line = options_.progress->note(options_.lane, done, total)) log::info(*line);
      });
}

// Before the log's tail, whose records of the same engine are newer.
Status CoreLoop::give_back_parked() {
  for (const auto& engine : options_.catalog->engines()) {
    STATOR_CHECK(parked_.give_back(
        engine->number,
        [this](const wal::RecordView& record, Lsn lsn) {
          return options_.quarantine != nullptr && options_.quarantine->holds(record, lsn);
        },
        [this](const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) {
          if (eraser_.marked().contains(record.tenant)) return ok_status();
          return apply(record, lsn, time_ms);
        }));
  }
  return ok_status();
}

Status CoreLoop::open_engines() {
  work_.clear();
  host_.own_store().begin_turn();
  eraser_.open();
  for (const auto& engine : options_.catalog->engines()) {
    call_.begin(host_, host::Phase::kOpen, *engine, TenantId{0}, {});
    const CallScope scope(call_);
    const stator_open open = {sizeof open,
                              options_.lane.value(),
                              options_.lane_count,
                              0,
                              {engine->config_json.data(), engine->config_json.size()},
                              &call_};
    char sentence[256] = "";
    stator_instance* instance = nullptr;
    const stator_status status = engine->descriptor.open(&open, &instance, sentence, sizeof sentence);
    if (status != STATOR_OK) {
      host_.own_store().end_turn();
      return Error(error_code_from(status), "engine '" + engine->id + "' does not open: " + sentence);
    }
    host_.instances.push_back(instance);
  }
  host_.own_store().end_turn();
  return ok_status();
}

Status CoreLoop::replay(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) {
  if (!is_mine(record.vshard)) return ok_status();
  host_.own_store().begin_turn();
  Status status = apply(record, lsn, time_ms);
  host_.own_store().end_turn();
  ++replayed_;
  STATOR_CHECK(std::move(status));
  return checkpoint_of_replay(lsn);
}

Lsn CoreLoop::seen_by(const Task& task) const {
  const plugin::Op& op = options_.catalog->ops()[task.op];
  if (op.row->placement == STATOR_PLACE_DOCUMENT || op.row->placement == STATOR_PLACE_COLLECTION) {
    return std::max(last_of_[task.vshard.value()], last_of_[kVShards]);
  }
  return last_applied_;
}

void CoreLoop::settle(Task* task, std::vector<Task*>& answered) {
  answers_.count(*task);
  const bool is_durable = task->answer_after <= options_.log->durable();
  if (is_durable) at_once_ns_ = now_ns_;
  if (!is_durable) answers_.count_held(*task);
  if (is_durable || task->is_held_by_session) return answered.push_back(task);
  held_.push_back(task);
}

void CoreLoop::release(std::vector<Task*>& answered) {
  if (held_.empty()) return;
  const Lsn durable = options_.log->durable();
  while (!held_.empty() && held_.front()->answer_after <= durable) {
    answered.push_back(held_.front());
    held_.pop_front();
  }
  is_disk_full_ = false;
  if (held_.empty()) return;
  Status health = options_.log->health();
  if (health.ok()) return;
  is_disk_full_ = health.error().code() == ErrorCode::kDiskFull;
  if (is_disk_full_) return expire_held(answered);
  // Nobody will ever know whether these survive; what was not acknowledged is said to have failed.
  for (; !held_.empty(); held_.pop_front()) {
    held_.front()->refuse(Error(health.error()));
    answered.push_back(held_.front());
  }
}

// While the log waits for space its writes wait with it, but no client longer than it said.
void CoreLoop::expire_held(std::vector<Task*>& answered) {
  const std::uint64_t now = options_.clock->monotonic_ns();
  held_.take_out_if([&](Task* task) {
    if (now < task->deadline_ns) return false;
    task->refuse(bridge::not_durable_in_time());
    answered.push_back(task);
    return true;
  });
}

std::uint64_t CoreLoop::next_deadline_ns() const {
  std::uint64_t next = checkpoints_.next_deadline_ns();
  for (const Task* task : later_) {
    if (next == 0 || task->deadline_ns < next) next = std::max<std::uint64_t>(task->deadline_ns, 1);
  }
  if (drop_not_before_ns_ != 0 && (next == 0 || drop_not_before_ns_ < next)) {
    next = drop_not_before_ns_;
  }
  for (const Task* task : early_) {
    if (next == 0 || task->deadline_ns < next) next = task->deadline_ns;
  }
  if (may_try_checkpoint() && (next == 0 || checkpoint_not_before_ns_ < next)) {
    next = checkpoint_not_before_ns_;
  }
  if (!is_disk_full_) return next;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    if (next == 0 || held_[i]->deadline_ns < next) next = held_[i]->deadline_ns;
  }
  return next;
}

Status CoreLoop::reload() {
  // Of a log that may be shorter now: these LSNs are given again.
  worked_lsn_ = erased_lsn_ = Lsn{};
  answers_.forget_held();
  STATOR_TRY(last_applied_, finish_checkpoint());
  close_engines();
  host_.own_store().forget_memory();
  last_of_ = {};
  STATOR_CHECK(open_engines());
  return replay_all();
}

Status CoreLoop::reopen_engines() {
  close_engines();
  return open_engines();
}

}  // namespace stator::core
