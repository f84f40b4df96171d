// The part of a session that decides who the client is, and the ops that hash a secret before the
// kernel's own engine stores it.
#include <algorithm>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "control/auth/secrets.h"
#include "control/gate/gate.h"
#include "control/session/session.h"
#include "control/session/session_ops.h"
#include "stator/args.hpp"
#include "stator/json_writer.hpp"

namespace stator::session {

using bridge::Task;

namespace {

Error wrong_credentials() {
  // One sentence for every reason, so that it tells nobody which users exist.
  return Error(ErrorCode::kUnauthenticated, "wrong credentials");
}

Error missing(const std::string& field) {
  return Error(ErrorCode::kBadRequest, field, "missing '" + field + "'");
}

std::string method_details(const Task& task) {
  static constexpr const char* kNames[] = {"trust", "password",    "api_key",
                                           "scram", "certificate", "jwt"};
  return std::string(R"({"method":")") + kNames[args_of(task).u64(auth_args::kMethod)] + "\"}";
}

void write_secret(json::Writer& json, const auth::PasswordAnswer& answer) {
  json.field("password_hash", std::string_view(answer.hash))
      .field("iterations", answer.scram.iterations)
      .field("salt", std::string_view(answer.scram.salt))
      .field("stored_key", std::string_view(answer.scram.stored_key))
      .field("server_key", std::string_view(answer.scram.server_key));
}

void write_list(json::Writer& json, std::string_view name, const Args& args, std::size_t at) {
  json.key(name).begin_array();
  for (std::size_t i = 0; i < args.count(at); ++i) json.string(args.str_at(at, i));
  json.end_array();
}

}  // namespace

// ---- logins -------------------------------------------------------------------------------------

void Session::start_auth(Task* task) {
  auto allowed = host_.lockout->check({}, address_, defaults_.now_ns);
  if (!allowed.ok()) return turn_away(task, {}, allowed.error());
  switch (args_of(*task).u64(auth_args::kMethod)) {
    case auth_args::kTrust: return auth_by_trust(task);
    case auth_args::kPasswordMethod: return auth_by_password(task);
    case auth_args::kScram: return auth_by_scram(task);
    case auth_args::kCertificate:
      return auth_by_certificate(task);
    case auth_args::kJwt:
      return auth_by_jwt(task);
    default: return auth_by_key(task);
  }
}

void Session::auth_by_trust(Task* task) {
  const Args args = args_of(*task);
  if (host_.auth_mode != auth::Mode::kTrust) {
    return turn_away(task, {}, Error(ErrorCode::kUnauthenticated, "method", "trust mode is not enabled")
                                   .with_hint("use method 'scram', 'password' or 'api_key'"));
  }
  auth::Identity identity = auth::anonymous();
  if (args.has(auth_args::kUsername)) identity.username = args.str(auth_args::kUsername);
  welcome(task, std::move(identity));
}

void Session::auth_by_password(Task* task) {
  const Args args = args_of(*task);
  if (!args.has(auth_args::kUsername)) return refuse(task, missing("username"));
  if (!args.has(auth_args::kPassword)) return refuse(task, missing("password"));
  const std::string_view username = args.str(auth_args::kUsername);
  auto allowed = host_.lockout->check(username, address_, defaults_.now_ns);
  if (!allowed.ok()) return turn_away(task, username, allowed.error());
  flow_ = {FlowKind::kPasswordAuth, task, {}};
  const auto known = host_.policy->credentials_of(username);
  // An unknown user costs the same time as a wrong password.
  submit_password(args.str(auth_args::kPassword), known ? known->password_hash : auth::nobodys_hash());
}

void Session::auth_by_key(Task* task) {
  const Args args = args_of(*task);
  if (!args.has(auth_args::kToken)) return refuse(task, missing("token"));
  auto identity = host_.policy->identify_key(args.str(auth_args::kToken), system_clock().wall_ms(), defaults_.now_ns);
  if (!identity.ok()) return turn_away(task, {}, identity.error());
  welcome(task, identity.take());
}

void Session::auth_by_scram(Task* task) {
  const Args args = args_of(*task);
  if (!args.has(auth_args::kData)) return refuse(task, missing("data"));
  scram_ ? finish_scram(task, args.str(auth_args::kData)) : begin_scram(task, args.str(auth_args::kData));
}

void Session::begin_scram(Task* task, std::string_view message) {
  auth::ScramExchange exchange;
  auto begun = exchange.begin(message, args_of(*task).str(auth_args::kUsername));
  if (!begun.ok()) return refuse(task, begun.error());
  auto allowed = host_.lockout->check(exchange.username(), address_, defaults_.now_ns);
  if (!allowed.ok()) return turn_away(task, exchange.username(), allowed.error());
  const auto known = host_.policy->credentials_of(exchange.username());
  const bool has_scram = known && known->scram.iterations != 0;
  json::StringOut out;
  out.put(R"("continue":true,"data":)");
  json::write_string(out, exchange.challenge(has_scram ? known->scram : auth::nobodys_scram(exchange.username())));
  scram_ = std::move(exchange);
  send_members(task, out.view());
}

void Session::finish_scram(Task* task, std::string_view message) {
  const auth::ScramExchange exchange = *std::exchange(scram_, std::nullopt);
  // Again: many exchanges may have begun before the first of them failed.
  auto allowed = host_.lockout->check(exchange.username(), address_, defaults_.now_ns);
  if (!allowed.ok()) return turn_away(task, exchange.username(), allowed.error());
  auto verifier = exchange.finish(message);
  if (!verifier.ok()) return turn_away(task, exchange.username(), verifier.error());
  auto identity = host_.policy->identify(exchange.username());
  if (!identity.ok()) return turn_away(task, exchange.username(), wrong_credentials());
  host_.lockout->note_success(exchange.username());
  json::StringOut out;
  out.put(R"(,"data":)");
  json::write_string(out, verifier.value());
  welcome(task, identity.take(), out.view());
}

void Session::auth_by_certificate(Task* task) {
  if (!host_.certificates_name_users) {
    return turn_away(
        task, {},
        Error(ErrorCode::kUnauthenticated, "method", "certificates do not name users here")
            .with_hint("[auth] certificate_users = true in the configuration"));
  }
  if (certificate_ == nullptr) {
    return turn_away(
        task, {}, Error(ErrorCode::kUnauthenticated, "method", "no client certificate was shown"));
  }
  auto username = auth::user_of(*certificate_, args_of(*task).str(auth_args::kUsername));
  if (!username.ok()) return turn_away(task, {}, username.error());
  welcome_vouched(task, username.value(), certificate_->ends_ms);
}

void Session::auth_by_jwt(Task* task) {
  const Args args = args_of(*task);
  if (!args.has(auth_args::kToken)) return refuse(task, missing("token"));
  if (host_.jwt == nullptr) {
    return turn_away(
        task, {},
        Error(ErrorCode::kUnauthenticated, "method", "tokens of other issuers are not taken here")
            .with_hint("[auth.jwt] keys, issuer and audience in the configuration"));
  }
  auto user = host_.jwt->verify(args.str(auth_args::kToken), system_clock().wall_ms());
  if (!user.ok()) return turn_away(task, {}, user.error());
  welcome_vouched(task, user.value().username, user.value().ends_ms);
}

void Session::welcome_vouched(Task* task, const std::string& username, std::uint64_t ends_ms) {
  const std::uint64_t now_ms = system_clock().wall_ms();
  if (ends_ms <= now_ms) {
    return turn_away(
        task, username,
        Error(ErrorCode::kAuthExpired, "method", "what vouches for the user has expired"));
  }
  auto identity = host_.policy->identify(username);
  // Whoever holds it was told the name by its issuer: no secret.
  if (!identity.ok()) {
    return turn_away(
        task, {},
        Error(ErrorCode::kUnauthenticated, "username", "there is no user '" + username + "'"));
  }
  identity.value().expires_ns =
      defaults_.now_ns + std::min(ends_ms - now_ms, kVouchedMsMax) * 1'000'000;
  welcome(task, identity.take());
}

void Session::welcome(Task* task, auth::Identity identity, std::string_view members) {
  // They show what the one who opened them may see.
  end_streams(Error(ErrorCode::kCancelled, "the connection has a new identity"));
  identity_ = std::move(identity);
  scram_.reset();
  auth_failures_ = 0;
  if (!identity_.is_fixed && (identity_.rights.everywhere & STATOR_PERM_ADMIN) != 0) {
    const AuditNote told = {"auth", method_details(*task), identity_.username, identity_.tenant.value()};
    write_audit("auth", told, "ok");
  }
  json::StringOut out;
  out.put(R"("username":)");
  json::write_string(out, identity_.username);
  out.put(R"(,"tenant_id":)");
  out.put(std::to_string(identity_.tenant.value()));
  out.put(members);
  send_members(task, out.view());
}

void Session::turn_away(Task* task, std::string_view username, const Error& error) {
  scram_.reset();
  is_closing_ = ++auth_failures_ >= kAuthFailuresMax;
  // Who is told to wait has not tried anything: no guess, and no line for each of a flood.
  if (error.code() != ErrorCode::kAccountLocked) {
    // An expired key was a good one: no guess either.
    if (error.code() != ErrorCode::kAuthExpired) {
      host_.lockout->note_failure(username, host_.policy->credentials_of(username).has_value(),
                                  address_, defaults_.now_ns);
    }
    const AuditNote told = {"auth", method_details(*task), std::string(username)};
    write_audit("auth", told, wire_name(error.code()));
  }
  refuse(task, error);
}

// ---- ops that keep a secret ---------------------------------------------------------------------

void Session::start_user_create(Task* task) {
  flow_ = {FlowKind::kUserCreate, task, {}};
  submit_password(args_of(*task).str(user_args::kPassword), {});
}

void Session::start_set_password(Task* task) {
  const bool is_own = args_of(*task).str(set_password_args::kUsername) == identity_.username &&
                      identity_.key_id.empty() && !identity_.is_fixed;
  if (!is_own && (identity_.rights.everywhere & STATOR_PERM_ADMIN) == 0) {
    return refuse(task, Error(ErrorCode::kRejectedAuthz, "username",
                              "another user's password needs the permission 'admin'; an API key changes none without it"));
  }
  flow_ = {FlowKind::kSetPassword, task, {}};
  submit_password(args_of(*task).str(set_password_args::kPassword), {});
}

void Session::start_api_key_create(Task* task) {
  const Args args = args_of(*task);
  for (std::size_t i = 0; i < args.count(api_key_args::kClasses); ++i) {
    if (system::permissions_of_class(args.str_at(api_key_args::kClasses, i)) != 0) continue;
    return refuse(task, Error(ErrorCode::kBadRequest, "classes", "'classes' must be of read, write, admin"));
  }
  for (std::size_t i = 0; i < args.count(api_key_args::kCollections); ++i) {
    const std::size_t bytes = args.str_at(api_key_args::kCollections, i).size();
    if (bytes >= 1 && bytes <= kCollectionBytesMax) continue;
    return refuse(task, Error(ErrorCode::kBadRequest, "collections", "a collection has 1 to 128 bytes"));
  }
  const auth::ApiKey key = auth::make_api_key();
  flow_ = {FlowKind::kApiKeyCreate, task, auth::format_token(key)};
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("key_id", std::string_view(key.key_id))
      .field("secret_hash", std::string_view(auth::sha256_hex(key.secret)))
      .field("username", args.str(api_key_args::kUsername));
  if (args.has(api_key_args::kClasses)) write_list(json, "classes", args, api_key_args::kClasses);
  if (args.has(api_key_args::kCollections)) write_list(json, "collections", args, api_key_args::kCollections);
  if (args.has(api_key_args::kExpiresInS)) {
    json.field("expires_ms", system_clock().wall_ms() + args.u64(api_key_args::kExpiresInS) * 1000);
  }
  json.end_object();
  step("_api_key_put", out.view(), identity_);
}

void Session::submit_password(std::string_view password, std::string hash) {
  const std::uint64_t ticket = std::uint64_t{connection_} << 32 | generation_;
  if (own_host().passwords->submit({host_.lane, ticket, std::string(password), std::move(hash)}))
    return;
  fail_flow(Error(ErrorCode::kBusy, "too many logins at once").with_retry_after(1000));
}

void Session::on_password(const auth::PasswordAnswer& answer) {
  if (flow_.request == nullptr) return;
  const Args args = args_of(*flow_.request);
  if (flow_.kind == FlowKind::kPasswordAuth) {
    Task* request = std::exchange(flow_, {}).request;
    const std::string_view username = args.str(auth_args::kUsername);
    // Again: many guesses may have been sent together, before the first of them failed. Whether
    // this one was right is not told then.
    auto allowed = host_.lockout->check(username, address_, defaults_.now_ns);
    if (!allowed.ok()) return turn_away(request, username, allowed.error());
    auto identity = host_.policy->identify(username);
    if (!answer.matches || !identity.ok()) return turn_away(request, username, wrong_credentials());
    host_.lockout->note_success(username);
    return welcome(request, identity.take());
  }
  if (answer.hash.empty()) return fail_flow(Error(ErrorCode::kCrypto, "the password could not be hashed"));
  json::StringOut out;
  json::Writer json(out);
  json.begin_object();
  write_secret(json, answer);
  if (flow_.kind == FlowKind::kSetPassword) {
    const std::string_view username = args.str(set_password_args::kUsername);
    json.field("username", username).end_object();
    return step("_user_secret", out.view(), username == identity_.username ? auth::anonymous() : identity_);
  }
  json.field("username", args.str(user_args::kUsername))
      .field("role", args.str(user_args::kRole))
      .field("if_absent", !args.boolean(user_args::kReplace));
  if (args.has(user_args::kTenant)) json.field("tenant", args.u64(user_args::kTenant));
  json.end_object();
  step("_user_put", out.view(), identity_);
}

void Session::step(std::string_view op, std::string_view args_json, auth::Identity who) {
  const ops::OpEntry* entry = host_.table->find(op);
  STATOR_ASSERT(entry != nullptr);
  Task* task = host_.pool->take();
  task->is_step = true;
  task->connection = connection_;
  task->connection_generation = generation_;
  task->request_id = flow_.request->request_id;
  task->deadline_ns = flow_.request->deadline_ns;
  auto sent = host_.table->bind_args(entry->op->index, args_json, task->args);
  who.meter = nullptr;  // the flow's request was counted
  if (sent.ok()) sent = gate::admit(who, *entry, host_.table->catalog(), defaults_.now_ns, *task);
  if (sent.ok()) sent = own_host().dispatcher->dispatch(task, gate::route_of(*entry));
  if (sent.ok()) return;
  host_.pool->give_back(task);
  fail_flow(sent.error());
}

void Session::on_step(Task* task) {
  if (task->code != ErrorCode::kOk) {
    Error error(task->code, task->error_field, task->error_sentence);
    host_.pool->give_back(task);
    return fail_flow(error);
  }
  Task* request = flow_.request;
  request->payload.append(task->payload.view());
  host_.pool->give_back(task);
  if (flow_.kind == FlowKind::kApiKeyCreate) {
    auth::ApiKey key;
    auth::parse_token(flow_.token, key);
    json::StringOut out;
    json::Writer(out)
        .begin_object()
        .field("key_id", std::string_view(key.key_id))
        .field("token", std::string_view(flow_.token))
        .end_object();
    request->payload.clear();
    request->payload.append(out.view());
  }
  flow_ = {};
  send(request);
}

void Session::fail_flow(const Error& error) {
  Task* request = std::exchange(flow_, {}).request;
  refuse(request, error);
}

}  // namespace stator::session
