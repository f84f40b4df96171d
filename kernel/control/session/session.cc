#include "control/session/session.h"

#include <utility>

#include "base/assert.h"
#include "control/gate/gate.h"
#include "control/session/batch_request.h"
#include "control/session/describe.h"
#include "control/session/response_writer.h"
#include "control/session/session_ops.h"
#include "control/wire/frame.h"
#include "stator/args.hpp"
#include "stator/json_writer.hpp"

namespace stator::session {

using bridge::Task;

namespace {

constexpr std::size_t kSlotsMin = 16;
constexpr std::uint32_t kMemoryRetryMs = 500;

Args args_of(const Task* task) {
  return Args(reinterpret_cast<const stator_arg_block*>(task->args.data()));
}

}  // namespace

Session::Session(SessionHost& host, std::uint32_t connection, std::uint32_t generation)
    : host_(host), connection_(connection), generation_(generation), parser_(*host.table) {
  if (host_.auth_mode == auth::Mode::kTrust) identity_ = auth::anonymous();
}

Session::~Session() {
  for (Slot& answer : slots_) {
    if (answer.task != nullptr) host_.pool->give_back(answer.task);
  }
  if (flow_.request != nullptr) host_.pool->give_back(flow_.request);
}

std::size_t Session::on_bytes(ByteView bytes, std::uint64_t now_ns) {
  std::size_t taken = 0;
  while (!is_blocked() && !is_closing_) {
    const wire::Frame frame = wire::next_frame(bytes.substr(taken), frame_bytes_max());
    if (frame.state == wire::FrameState::kPartial) break;
    if (frame.state == wire::FrameState::kTooLarge) {
      Task* task = host_.pool->take();
      open_slot();
      task->request_id = next_id_++;
      refuse(task, Error(ErrorCode::kFrameTooLarge,
                         "a frame may have at most " + std::to_string(frame_bytes_max()) + " bytes" +
                             (identity_.is_known ? "" : " before authentication")));
      is_closing_ = true;
      return bytes.size();
    }
    on_frame(frame.body, now_ns);
    taken += frame.bytes;
  }
  return taken;
}

void Session::on_frame(ByteView body, std::uint64_t now_ns) {
  Task* task = host_.pool->take();
  open_slot();
  task->request_id = next_id_++;
  task->connection = connection_;
  task->connection_generation = generation_;
  defaults_.now_ns = now_ns;
  auto parsed = parser_.parse(body, defaults_, *task);
  if (!parsed.ok()) return refuse(task, std::move(parsed.error()));
  const ops::OpEntry& entry = *parsed.value();
  // Operators' ops go on: a checkpoint may be what frees memory.
  const bool is_users_write =
      entry.row->op_class == STATOR_OP_WRITE && entry.row->permission != STATOR_PERM_ADMIN;
  if (is_users_write && host_.memory_is_full != nullptr &&
      host_.memory_is_full->load(std::memory_order_relaxed)) {
    return refuse(task, Error(ErrorCode::kResourcesExhausted,
                              "the server is at its memory limit: writes are refused until memory is free")
                            .with_retry_after(kMemoryRetryMs));
  }
  if (entry.op == nullptr) return run_session_op(entry, task);
  auto admitted = gate::admit(identity_, entry, host_.table->catalog(), *task);
  if (!admitted.ok()) return refuse(task, std::move(admitted.error()));
  auto sent = host_.dispatcher->dispatch(task, gate::route_of(entry));
  if (!sent.ok()) refuse(task, std::move(sent.error()));
}

void Session::run_session_op(const ops::OpEntry& entry, Task* task) {
  const auto op = static_cast<SessionOp>(entry.session_op);
  if (op == SessionOp::kAuth) return start_auth(task);
  if (op != SessionOp::kHello && op != SessionOp::kPing) {
    auto allowed = gate::check_permission(identity_, *entry.row);
    if (!allowed.ok()) return refuse(task, std::move(allowed.error()));
  }
  switch (op) {
    case SessionOp::kAuth:
    case SessionOp::kPing: return send_members(task, {});
    case SessionOp::kHello: return say_hello(task);
    case SessionOp::kDescribe: {
      const Args args = args_of(task);
      auto described = describe(*host_.table, {args.str(describe_args::kName), args.str(describe_args::kEngine)});
      if (!described.ok()) return refuse(task, std::move(described.error()));
      task->payload.append(described.value());
      return send(task);
    }
    case SessionOp::kUserCreate: return start_user_create(task);
    case SessionOp::kApiKeyCreate: return start_api_key_create(task);
    case SessionOp::kCheckpoint: return start_checkpoint(task);
    case SessionOp::kServerStats: {
      task->payload.append(server_stats(*host_.stats, defaults_.now_ns));
      return send(task);
    }
    case SessionOp::kBackup: return start_backup(task);
    case SessionOp::kBatch: return start_batch(task);
    case SessionOp::kDigest:
    case SessionOp::kDiscardTo:
    case SessionOp::kVShardMove: return start_maintenance(op, task);
  }
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
  auto sent = host_.dispatcher->dispatch(task, {dispatch::Placement::kAll, 0, 0});
  if (!sent.ok()) refuse(task, std::move(sent.error()));
}

// A full backup copies the stores, so it begins with a checkpoint; an incremental one copies a part of
// the log, which a checkpoint would let go. Not a flow: other requests of the connection go on.
void Session::start_backup(Task* task) {
  auto checked = host_.backups->check(*task);
  if (!checked.ok()) return refuse(task, std::move(checked.error()));
  if (args_of(task).has(backup_args::kBase)) return copy_backup(task);
  task->is_backup = true;
  start_checkpoint(task);
}

void Session::copy_backup(Task* task) {
  auto taken = host_.backups->submit(task);
  if (!taken.ok()) refuse(task, std::move(taken.error()));
}

void Session::start_batch(Task* task) {
  auto sent = read_batch({parser_, host_, identity_, defaults_}, *task);
  if (sent.ok()) sent = host_.dispatcher->dispatch_batch(task);
  if (!sent.ok()) return refuse(task, std::move(sent.error()));
  if (!task->children.empty()) barrier_ = task;
}

// Not a flow: what the connection sends behind it is read when the lanes go on.
void Session::start_maintenance(SessionOp op, Task* task) {
  if (op == SessionOp::kDiscardTo && !args_of(task).boolean(discard_args::kDiscardAcknowledged)) {
    return refuse(task, Error(ErrorCode::kBadRequest, "discard_acknowledged",
                              "'discard_acknowledged' must be true: acknowledged writes will be gone"));
  }
  auto taken = host_.maintenance->submit(op, task, identity_.username);
  if (!taken.ok()) refuse(task, std::move(taken.error()));
}

// ---- flows --------------------------------------------------------------------------------------

void Session::start_auth(Task* task) {
  const Args args = args_of(task);
  switch (args.u64(auth_args::kMethod)) {
    case auth_args::kTrust:
      if (host_.auth_mode != auth::Mode::kTrust) {
        ++auth_failures_;
        is_closing_ = auth_failures_ >= kAuthFailuresMax;
        return refuse(task, Error(ErrorCode::kUnauthenticated, "method", "trust mode is not enabled")
                                .with_hint("use method 'password' or 'api_key'"));
      }
      begin_flow(FlowKind::kPasswordAuth, task);
      flow_.identity = auth::anonymous();
      if (args.has(auth_args::kUsername)) flow_.identity.username = args.str(auth_args::kUsername);
      return finish_flow();
    case auth_args::kPasswordMethod: {
      for (const std::size_t field : {auth_args::kUsername, auth_args::kPassword}) {
        if (args.has(field)) continue;
        const std::string name = field == auth_args::kUsername ? "username" : "password";
        return refuse(task, Error(ErrorCode::kBadRequest, name, "missing '" + name + "'"));
      }
      begin_flow(FlowKind::kPasswordAuth, task);
      json::StringOut out;
      json::Writer(out).begin_object().field("username", args.str(auth_args::kUsername)).end_object();
      return step("_user_get", out.view());
    }
    default: break;
  }
  if (!args.has(auth_args::kToken)) {
    return refuse(task, Error(ErrorCode::kBadRequest, "token", "missing 'token'"));
  }
  begin_flow(FlowKind::kApiKeyAuth, task);
  auth::ApiKey key;
  if (!auth::parse_token(args.str(auth_args::kToken), key)) return fail_auth();
  flow_.secret = key.secret;
  json::StringOut out;
  json::Writer(out).begin_object().field("key_id", std::string_view(key.key_id)).end_object();
  step("_api_key_get", out.view());
}

void Session::start_user_create(Task* task) {
  begin_flow(FlowKind::kUserCreate, task);
  submit_password(args_of(task).str(user_args::kPassword), {});
}

void Session::start_api_key_create(Task* task) {
  begin_flow(FlowKind::kApiKeyCreate, task);
  const auth::ApiKey key = auth::make_api_key();
  flow_.secret = auth::format_token(key);
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("key_id", std::string_view(key.key_id))
      .field("secret_hash", std::string_view(auth::sha256_hex(key.secret)))
      .field("username", args_of(task).str(api_key_args::kUsername))
      .end_object();
  step("_api_key_put", out.view());
}

void Session::submit_password(std::string_view password, std::string hash) {
  const std::uint64_t ticket = std::uint64_t{connection_} << 32 | generation_;
  if (host_.passwords->submit({host_.lane, ticket, std::string(password), std::move(hash)})) return;
  fail_flow(Error(ErrorCode::kBusy, "too many logins at once").with_retry_after(1000));
}

void Session::step(std::string_view op, std::string_view args_json) {
  const ops::OpEntry* entry = host_.table->find(op);
  STATOR_ASSERT(entry != nullptr);
  Task* task = host_.pool->take();
  task->is_step = true;
  task->connection = connection_;
  task->connection_generation = generation_;
  task->deadline_ns = flow_.request->deadline_ns;
  STATOR_ASSERT(host_.table->bind_args(entry->op->index, args_json, task->args).ok());
  // The kernel itself asks: what the client may do was checked when the flow began.
  STATOR_ASSERT(gate::admit(auth::anonymous(), *entry, host_.table->catalog(), *task).ok());
  auto sent = host_.dispatcher->dispatch(task, gate::route_of(*entry));
  if (sent.ok()) return;
  host_.pool->give_back(task);
  fail_flow(std::move(sent.error()));
}

void Session::take_user(std::string_view user_json, std::string& password_hash) {
  json::Reader reader(user_json);
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    std::string_view raw;
    reader.skip(raw);
    json::Reader value(raw);
    json::RawString text;
    if (key.text == "tenant") {
      std::uint64_t tenant = 0;
      json::to_integer(raw, tenant);
      flow_.identity.tenant = TenantId{static_cast<std::uint32_t>(tenant)};
      continue;
    }
    value.string(text);
    if (key.text == "username") flow_.identity.username = json::unescape(text);
    if (key.text == "password_hash") password_hash = json::unescape(text);
    if (key.text == "role") flow_.identity.permissions = auth::permissions_of(json::unescape(text)).value_or(0);
  }
  flow_.identity.is_known = true;
  flow_.user_is_known = true;
}

void Session::on_step(Task* task) {
  const bool is_ok = task->code == ErrorCode::kOk;
  const bool is_absent = task->code == ErrorCode::kNotFound;
  const std::string payload(task->payload.view());
  Error error(task->code == ErrorCode::kOk ? ErrorCode::kInternal : task->code, task->error_field,
              task->error_sentence);
  host_.pool->give_back(task);
  const bool is_login = flow_.kind == FlowKind::kPasswordAuth || flow_.kind == FlowKind::kApiKeyAuth;
  if (!is_ok && !(is_login && is_absent)) return fail_flow(std::move(error));
  std::string hash;
  switch (flow_.kind) {
    case FlowKind::kPasswordAuth:
      if (is_ok) take_user(payload, hash);
      // An unknown user costs the same time as a wrong password.
      return submit_password(args_of(flow_.request).str(auth_args::kPassword),
                             is_ok ? hash : auth::nobodys_hash());
    case FlowKind::kApiKeyAuth: {
      if (is_absent) return fail_auth();
      json::Reader reader(payload);
      json::RawString key;
      std::string_view user;
      std::string secret_hash;
      for (reader.enter_object(); reader.next_key(key);) {
        std::string_view raw;
        reader.skip(raw);
        if (key.text == "user") user = raw;
        if (key.text != "key") continue;
        json::Reader inner(raw);
        json::RawString name;
        for (inner.enter_object(); inner.next_key(name);) {
          json::RawString text;
          inner.string(text);
          if (name.text == "secret_hash") secret_hash = text.text;
        }
      }
      if (!auth::equal_in_constant_time(auth::sha256_hex(flow_.secret), secret_hash)) return fail_auth();
      take_user(user, hash);
      return finish_flow();
    }
    case FlowKind::kUserCreate:
    case FlowKind::kApiKeyCreate: {
      json::StringOut out;
      json::Writer json(out);
      json.begin_object();
      if (flow_.kind == FlowKind::kApiKeyCreate) {
        auth::ApiKey key;
        auth::parse_token(flow_.secret, key);
        json.field("key_id", std::string_view(key.key_id)).field("token", std::string_view(flow_.secret));
      } else {
        json.field("username", args_of(flow_.request).str(user_args::kUsername));
      }
      json.end_object();
      flow_.request->payload.append(out.view());
      Task* request = flow_.request;
      flow_ = {};
      return send(request);
    }
    case FlowKind::kNone: break;
  }
}

void Session::on_password(const auth::PasswordAnswer& answer) {
  if (flow_.kind == FlowKind::kPasswordAuth) {
    if (!answer.matches || !flow_.user_is_known) return fail_auth();
    return finish_flow();
  }
  if (flow_.kind != FlowKind::kUserCreate) return;
  if (answer.hash.empty()) return fail_flow(Error(ErrorCode::kCrypto, "the password could not be hashed"));
  const Args args = args_of(flow_.request);
  static constexpr std::string_view kRoles[] = {"superuser", "readwrite", "readonly", "monitor"};
  json::StringOut out;
  json::Writer(out)
      .begin_object()
      .field("username", args.str(user_args::kUsername))
      .field("password_hash", std::string_view(answer.hash))
      .field("role", kRoles[args.u64(user_args::kRole)])
      .field("tenant", args.u64(user_args::kTenant))
      .field("if_absent", !args.boolean(user_args::kReplace))
      .end_object();
  step("_user_put", out.view());
}

// The client is who it says.
void Session::finish_flow() {
  identity_ = flow_.identity;
  auth_failures_ = 0;
  json::StringOut out;
  out.put(R"("username":)");
  json::write_string(out, identity_.username);
  out.put(R"(,"tenant_id":)");
  out.put(std::to_string(identity_.tenant.value()));
  Task* request = flow_.request;
  flow_ = {};
  send_members(request, out.view());
}

void Session::fail_flow(Error error) {
  Task* request = flow_.request;
  flow_ = {};
  refuse(request, std::move(error));
}

void Session::fail_auth() {
  ++auth_failures_;
  is_closing_ = auth_failures_ >= kAuthFailuresMax;
  // One sentence for every reason, so that it tells nobody which users exist.
  fail_flow(Error(ErrorCode::kUnauthenticated, "wrong credentials"));
}

// ---- answers ------------------------------------------------------------------------------------

void Session::on_answer(Task* task) {
  if (task->is_step) {
    if (flow_.request != nullptr) return on_step(task);
    return host_.pool->give_back(task);
  }
  if (task->is_backup && task->code == ErrorCode::kOk) {
    task->is_backup = false;
    task->payload.clear();  // of the checkpoint
    return copy_backup(task);
  }
  if (task == barrier_) barrier_ = nullptr;
  if (!task->is_atomic) write_each_answer(*task);
  send(task);
}

void Session::refuse(Task* task, Error error) {
  task->refuse(std::move(error));
  send(task);
}

void Session::send(Task* task) { settle(task, nullptr); }

void Session::send_members(Task* task, std::string_view members) {
  settle(task, std::make_unique<std::string>(members));
}

void Session::settle(Task* task, std::unique_ptr<std::string> members) {
  if (task->code != ErrorCode::kOk) ++host_.errors;
  Slot& mine = slot(task->request_id);
  mine.is_done = true;
  if (task->request_id == head_ || !task->client_id.empty()) {
    write(task, members.get());
  } else {
    mine.task = task;
    mine.members = std::move(members);
  }
  advance();
}

void Session::write(Task* task, const std::string* members) {
  if (members != nullptr) {
    write_members(*task, *members, host_.watermark(), output_);
  } else {
    write_response(*task, host_.watermark(), output_);
  }
  host_.pool->give_back(task);
}

void Session::advance() {
  while (head_ < next_id_ && slot(head_).is_done) {
    Slot& done = slot(head_);
    done.is_done = false;
    if (done.task != nullptr) {
      write(std::exchange(done.task, nullptr), done.members.get());
      done.members.reset();
    }
    ++head_;
    --in_flight_;
  }
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
