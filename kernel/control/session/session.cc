#include "control/session/session.h"

#include <algorithm>
#include <utility>

#include "stator/args.hpp"
#include "stator/json_writer.hpp"

#include "base/assert.h"
#include "control/gate/gate.h"
#include "control/session/batch_request.h"
#include "control/session/describe.h"
#include "control/session/plugin_list.h"
#include "control/session/response_writer.h"
#include "control/session/session_ops.h"
#include "control/wire/frame.h"

namespace stator::session {

using bridge::Task;

namespace {

constexpr std::size_t kSlotsMin = 4;  // an idle connection keeps them

// Nothing to see and nothing to change but what is the client's own.
bool is_for_everybody(SessionOp op) {
  return op == SessionOp::kHello || op == SessionOp::kPing;
}

// Nobody may believe that a repeat does nothing.
Error keeps_no_answer(const stator_op& row) {
  return Error(ErrorCode::kBadRequest, "idempotency_key",
               std::string(row.name) + " takes no 'idempotency_key': its answer is not kept");
}

bool waits_for_lsn(SessionOp op) { return op == SessionOp::kBatch || op == SessionOp::kCheckpoint; }

Error waits_for_none(const stator_op& row) {
  return Error(ErrorCode::kBadRequest, "min_lsn",
               std::string(row.name) + " takes no 'min_lsn': it waits for none");
}

}  // namespace

Session::Session(SessionHost& host, std::uint32_t connection, std::uint32_t generation)
    : host_(host),
      connection_(connection),
      generation_(generation),
      parser_(*host.table, host.field_orders, this) {
  forget_identity();
}

void Session::forget_identity() {
  identity_ = host_.auth_mode == auth::Mode::kTrust ? auth::anonymous() : auth::Identity();
  scram_.reset();
}

Session::~Session() {
  abandon_all();
  // The client left before the answer; what it asked for goes on.
  for (const auto& [id, note] : notes_) write_audit("op", note, "unknown");
  for (Slot& answer : slots_) {
    if (answer.task != nullptr) host_.pool->give_back(answer.task);
  }
  for (const auto& one : order_.waiting) host_.pool->give_back(one.task);
  if (flow_.request != nullptr) host_.pool->give_back(flow_.request);
  if (held_ != nullptr) host_.held -= held_->forget();
}

std::size_t Session::on_bytes(ByteView bytes, std::uint64_t now_ns) {
  std::size_t taken = 0;
  is_turn_over_ = false;
  const std::uint64_t first = next_id_;
  const std::size_t before = in_flight_;
  const auto answered_at_once = [&] { return next_id_ - first + before - in_flight_; };
  while (!is_blocked() && !is_closing_) {
    const wire::Frame frame = wire::next_frame(bytes.substr(taken), frame_bytes_max());
    if (frame.state == wire::FrameState::kPartial) break;
    is_turn_over_ = answered_at_once() >= kAnsweredAtOnceMax || is_output_full();
    if (is_turn_over_) break;
    if (frame.state == wire::FrameState::kTooLarge) {
      refuse_frame(Error(ErrorCode::kFrameTooLarge,
                         "a frame may have at most " + std::to_string(frame_bytes_max()) +
                             " bytes" + (identity_.is_known ? "" : " before authentication")),
                   now_ns);
      return bytes.size();
    }
    on_frame(frame.body, now_ns);
    taken += frame.bytes;
  }
  return taken;
}

void Session::refuse_frame(const Error& error, std::uint64_t now_ns) {
  Task* task = host_.pool->take();
  open_slot();
  task->request_id = next_id_++;
  task->arrived_ns = now_ns;
  task->entry = ops::kNoEntry;
  refuse(task, error);
  is_closing_ = true;
}

Task* Session::open_request(std::uint64_t now_ns) {
  Task* task = host_.pool->take();
  open_slot();
  task->request_id = next_id_++;
  slot(task->request_id).request = task;
  task->connection = connection_;
  task->connection_generation = generation_;
  task->arrived_ns = now_ns;
  task->entry = ops::kNoEntry;
  return task;
}

void Session::on_frame(ByteView body, std::uint64_t now_ns) {
  Task* task = open_request(now_ns);
  defaults_.now_ns = now_ns;
  carry_out(parser_.parse(body, defaults_, *task), task);
}

void Session::on_request(std::string_view op, ByteView body, const ParseDefaults& defaults) {
  STATOR_ASSERT(!is_blocked() && !is_closing_);
  Task* task = open_request(defaults.now_ns);
  defaults_ = defaults;
  carry_out(parser_.parse_named(op, body, defaults_, *task), task);
}

void Session::carry_out(Result<const ops::OpEntry*> parsed, Task* task) {
  if (!parsed.ok()) return refuse(task, parsed.error());
  const ops::OpEntry& entry = *parsed.value();
  const std::uint64_t now_ns = defaults_.now_ns;
  renew_identity(now_ns);
  if (auto memory = check_memory(host_, entry); !memory.ok()) return refuse(task, memory.error());
  if (auto room = check_room(entry, *task); !room.ok()) return refuse(task, room.error());
  if (entry.op == nullptr) return run_session_op(entry, task);
  auto admitted = gate::admit(identity_, entry, host_.table->catalog(), now_ns, *task);
  if (admitted.ok()) admitted = gate::begin(identity_, *task);
  if (admitted.ok() && is_audited(entry)) admitted = note(*task, note_of(entry, *task));
  if (admitted.ok()) admitted = open_pages(entry, *task);
  if (!admitted.ok()) return refuse_op(entry, task, admitted.error());
  // One with an id may overtake, the audit log tells of what is durable, and a stream's pages have
  // no order: those wait as tasks.
  task->is_held_by_session =
      form_ == nullptr && task->client_id.empty() && !is_audited(entry) && !task->wants_pages;
  send_in_order(entry, task);
}

void Session::run_session_op(const ops::OpEntry& entry, Task* task) {
  const auto op = static_cast<SessionOp>(entry.session_op);
  // Of these only a batch has an answer that is kept. A read is its own repeat.
  if (op != SessionOp::kBatch && !task->idempotency_key.empty()) {
    task->idempotency_key.clear();
    if (entry.row->op_class == STATOR_OP_WRITE) return refuse(task, keeps_no_answer(*entry.row));
  }
  if (task->min_lsn > Lsn{} && !waits_for_lsn(op)) return refuse(task, waits_for_none(*entry.row));
  if (op == SessionOp::kAuth) return start_auth(task);
  if (!is_for_everybody(op)) {
    auto allowed =
        op == SessionOp::kSubscribe
            ? gate::admit_changes(identity_, *entry.row, subscribed(*task), defaults_.now_ns)
            : gate::admit_kernel_op(identity_, *entry.row, {}, defaults_.now_ns);
    if (allowed.ok()) allowed = gate::begin(identity_, *task);
    if (allowed.ok() && is_audited(entry)) allowed = note(*task, note_of(entry, *task));
    if (!allowed.ok()) return refuse_op(entry, task, allowed.error());
  }
  switch (op) {
    case SessionOp::kAuth:
    case SessionOp::kPing: return send_members(task, {});
    case SessionOp::kHello: return say_hello(task);
    case SessionOp::kDescribe: {
      const Args args = args_of(*task);
      auto described = describe(*host_.table,
                                {args.str(describe_args::kName), args.str(describe_args::kEngine)});
      if (!described.ok()) return refuse(task, described.error());
      task->payload.append(described.value());
      return send(task);
    }
    case SessionOp::kUserCreate:
      return start_user_create(task);
    case SessionOp::kUserSetPassword:
      return start_set_password(task);
    case SessionOp::kQuotaGet:
      return send_quota(task);
    case SessionOp::kApiKeyCreate:
      return start_api_key_create(task);
    case SessionOp::kCheckpoint:
      return start_checkpoint(task);
    case SessionOp::kServerStats: {
      task->payload.append(server_stats(*host_.stats, defaults_.now_ns));
      return send(task);
    }
    case SessionOp::kPluginList: {
      task->payload.append(plugin_list(*host_.stats->catalog));
      return send(task);
    }
    case SessionOp::kBackup:
    case SessionOp::kBackupStream: return start_backup(op, task);
    case SessionOp::kBatch: return start_batch(entry, task);
    case SessionOp::kDigest:
    case SessionOp::kDiscardTo:
    case SessionOp::kVShardMove: return start_maintenance(op, task);
    case SessionOp::kCancel: return cancel(task);
    case SessionOp::kSubscribe: return start_stream(task);
    case SessionOp::kUnsubscribe: return unsubscribe(task);
  }
}

// After a change of users, roles, keys or tenants, or at the end of an API key.
void Session::renew_identity(std::uint64_t now_ns) {
  if (identity_.version == host_.policy->version() && now_ns < identity_.expires_ns) return;
  host_.policy->renew(identity_);
  if (now_ns >= identity_.expires_ns) identity_.is_known = false;
}

std::string_view Session::engine_of(std::string_view collection) {
  host_.policy->renew(host_.collections);
  return host_.collections.engine_of(identity_.tenant, collection);
}

void Session::send_quota(Task* task) {
  const Args args = args_of(*task);
  const TenantId tenant = args.has(quota_args::kTenant)
                              ? TenantId{static_cast<std::uint32_t>(args.u64(quota_args::kTenant))}
                              : identity_.tenant;
  if (tenant != identity_.tenant && !identity_.is_superuser()) {
    return refuse(task, Error(ErrorCode::kRejectedAuthz, "tenant",
                              "another tenant needs the role 'superuser'"));
  }
  const auth::TenantMeter& meter = host_.policy->meter(tenant);
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("tenant_id", tenant.value()).key("limits");
  system::write(json, meter.limits());
  json.key("used")
      .begin_object()
      .field("in_flight", meter.in_flight())
      .field("storage_bytes", meter.storage_bytes())
      .field("memory_bytes", meter.memory_bytes())
      .end_object()
      .end_object();
  task->payload.append(out.view());
  send(task);
}

void Session::say_hello(Task* task) {
  defaults_.payload_format = task->payload_format;
  defaults_.is_strict = task->is_strict;
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("server", std::string_view("statord"))
      .field("version", std::string_view(STATOR_VERSION))
      .field("protocol", 1)
      .field("ops_digest", std::string_view(host_.ops_digest))
      .key("limits")
      .begin_object()
      .field("frame_bytes_max", std::uint64_t{kFrameBytesMax})
      .field("requests_in_flight_max", std::uint64_t{kRequestsInFlightMax})
      .field("deadline_ms_max", kDeadlineMsMax)
      .end_object()
      .end_object();
  task->payload.append(out.view());
  send(task);
}

void Session::start_checkpoint(Task* task) {
  task->core_op = bridge::CoreOp::kCheckpoint;
  auto sent = own_host().dispatcher->dispatch(task, {dispatch::Placement::kAll, 0, 0});
  if (!sent.ok()) refuse(task, sent.error());
}

// A full backup copies the stores, so it begins with a checkpoint; an incremental one copies a part of
// the log, which a checkpoint would let go. Not a flow: other requests of the connection go on.
void Session::start_backup(SessionOp op, Task* task) {
  const bool is_stream = op == SessionOp::kBackupStream;
  auto checked = is_stream ? own_host().backup_streams->check(*task)
                           : own_host().backups->check(*task);
  if (!checked.ok()) return refuse(task, checked.error());
  const std::size_t base = is_stream ? std::size_t{backup_stream_args::kBaseManifest}
                                     : std::size_t{backup_args::kBase};
  if (args_of(*task).has(base)) return copy_backup(task);
  task->is_backup = true;
  start_checkpoint(task);
}

void Session::copy_backup(Task* task) {
  if (session_op_of(*host_.table, *task) == SessionOp::kBackupStream) return start_stream(task);
  auto taken = own_host().backups->submit(task);
  if (!taken.ok()) refuse(task, taken.error());
}

void Session::start_batch(const ops::OpEntry& entry, Task* task) {
  auto read = read_batch({parser_, own_host(), identity_, defaults_}, *task);
  if (read.ok()) {
    AuditNote audited = note_of_batch(*host_.table, *task);
    if (!audited.op.empty()) read = note(*task, std::move(audited));
  }
  if (!read.ok()) return refuse_op(entry, task, read.error());
  send_in_order(entry, task);
}

// An answer behind it that waits for its turn would be one that the lanes wait for before they
// stand still, and with them this request.
void Session::start_maintenance(SessionOp op, Task* task) {
  if (op == SessionOp::kDiscardTo && !args_of(*task).boolean(discard_args::kDiscardAcknowledged)) {
    return refuse(task, Error(ErrorCode::kBadRequest, "discard_acknowledged",
                              "'discard_acknowledged' must be true: acknowledged writes will be gone"));
  }
  auto taken = own_host().maintenance->submit(op, task, identity_.username);
  if (!taken.ok()) return refuse(task, taken.error());
  flow_.kind = FlowKind::kMaintenance;
}

// ---- answers ------------------------------------------------------------------------------------

void Session::on_answer(Task* task) {
  if (task->is_streaming) return task->wants_pages ? on_page(task) : on_part(task);
  if (task->is_step) {
    if (flow_.request != nullptr) return on_step(task);
    return host_.pool->give_back(task);
  }
  if (task->is_backup && task->code == ErrorCode::kOk) {
    task->is_backup = false;
    task->payload.clear();  // of the checkpoint
    return copy_backup(task);
  }
  if (flow_.kind == FlowKind::kMaintenance && is_maintenance(session_op_of(*host_.table, *task))) {
    flow_ = {};
  }
  // By its number: another task may answer for the batch.
  if (barrier_ != nullptr && task->request_id == barrier_->request_id) barrier_ = nullptr;
  if (!task->is_atomic) write_each_answer(*task);
  explain_given_up(*task);
  if (task->wants_pages) take_page(*task);
  send(task);
}

Status Session::note(const Task& task, AuditNote note) {
  STATOR_CHECK(host_.audit->check());
  keep_note(task, std::move(note));
  return ok_status();
}

void Session::keep_note(const Task& task, AuditNote note) {
  note.user = identity_.username;
  note.tenant = identity_.tenant.value();
  notes_[task.request_id] = std::move(note);
}

// Who tries what it may not is told of, too; not for ever, for the disk is everybody's.
void Session::refuse_op(const ops::OpEntry& entry, Task* task, const Error& error) {
  if (error.code() == ErrorCode::kRejectedAuthz && denials_ < kAuditedDenialsMax) {
    ++denials_;
    keep_note(*task, note_of(entry, *task));
  }
  refuse(task, error);
}

void Session::write_audit(std::string_view event, const AuditNote& note, std::string_view outcome) {
  host_.audit->append({.event = event,
                       .user = note.user,
                       .tenant = note.tenant,
                       .address = address_,
                       .op = note.op,
                       .details = note.details,
                       .outcome = outcome});
}

void Session::refuse(Task* task, const Error& error) {
  task->refuse(error);
  send(task);
}

void Session::send(Task* task) { settle(task, nullptr); }

void Session::send_members(Task* task, std::string_view members) {
  settle(task, std::make_unique<std::string>(members));
}

void Session::settle(Task* task, std::unique_ptr<std::string> members) {
  if (task->wants_pages && !task->is_partial) --streams_.waiting;
  if (task->is_held_by_session) task->is_held_by_session = task->answer_after > host_.watermark();
  if (!task->is_held_by_session) note_answer(task->entry, task->code, task->arrived_ns);
  if (const auto noted = notes_.empty() ? notes_.end() : notes_.find(task->request_id);
      noted != notes_.end()) {
    const bool is_ok = task->code == ErrorCode::kOk;
    write_audit("op", noted->second, is_ok ? "ok" : wire_name(task->code));
    notes_.erase(noted);
  }
  Slot& mine = slot(task->request_id);
  mine.is_done = true;
  mine.request = nullptr;
  mine.is_given_up = false;
  open_bytes_ -= std::exchange(mine.bytes, 0);
  if (task->request_id == head_ || !task->client_id.empty()) {
    write(task, members.get());
  } else {
    mine.task = task;
    mine.members = std::move(members);
    forget_request(*task);
    waiting_bytes_ += task->payload.size();
  }
  advance();
}

void Session::write(Task* task, const std::string* members) {
  if (task->is_partial) return begin_stream(task);
  if (task->is_held_by_session) {
    if (task->answer_after > host_.watermark()) return hold(task);
    // It waited for its turn until it was durable: nothing else would release it.
    note_answer(task->entry, task->code, task->arrived_ns);
  }
  put_last(*task, members);
  host_.pool->give_back(task);
}

void Session::put_last(const Task& task, const std::string* members) {
  Lsn watermark;
  ByteBuffer& place = place_of(task, watermark);
  if (form_ != nullptr) return form_->last(task, members, watermark, place);
  if (members != nullptr) return write_members(task, *members, watermark, place);
  write_response(task, watermark, place);
}

void Session::put_parts(const Task& task) {
  Lsn watermark;
  ByteBuffer& place = place_of(task, watermark);
  if (form_ != nullptr) return form_->parts(task, watermark, place);
  write_parts(task, watermark, place);
}

void Session::advance() {
  while (head_ < next_id_ && slot(head_).is_done) {
    Slot& done = slot(head_);
    done.is_done = done.is_ordered = false;
    if (done.task != nullptr) {
      waiting_bytes_ -= done.task->payload.size();
      write(std::exchange(done.task, nullptr), done.members.get());
      done.members.reset();
    }
    ++head_;
    --in_flight_;
  }
  if (!order_.waiting.empty()) carry_out_waiting();
}

void Session::open_slot() {
  ++host_.requests;
  ++in_flight_;
  if (in_flight_ <= slots_.size()) return;
  std::vector<Slot> larger(slots_.empty() ? kSlotsMin : slots_.size() * 2);
  for (std::uint64_t id = head_; id < next_id_; ++id) {
    larger[id & (larger.size() - 1)] = std::move(slot(id));
  }
  slots_ = std::move(larger);
}

}  // namespace stator::session
