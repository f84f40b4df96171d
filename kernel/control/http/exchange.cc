#include "control/http/exchange.h"

#include <algorithm>

#include "stator/json_writer.hpp"

#include "base/assert.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/limits.h"
#include "control/auth/jwt.h"
#include "control/http/event_source.h"
#include "control/http/letters.h"
#include "io/sha256.h"

namespace stator::http {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::string_view kOps = "/v1/ops/";
constexpr std::string_view kSchemes =
    "WWW-Authenticate: Basic realm=\"stator\", charset=\"UTF-8\"\r\n"
    "WWW-Authenticate: Bearer realm=\"stator\"\r\n";

}  // namespace

Exchange::Exchange(const Front& front, session::Session& session, std::uint64_t now_ns)
    : front_(front), session_(session), now_ns_(now_ns), since_ns_(now_ns) {
  session_.set_form(this);
}

std::size_t Exchange::on_bytes(ByteView bytes, std::uint64_t now_ns) {
  now_ns_ = now_ns;
  std::size_t taken = 0;
  std::size_t begun = 0;
  is_turn_over_ = false;
  for (;;) {
    const ByteView rest = bytes.substr(taken);
    switch (state_) {
      case State::kHead:
        is_turn_over_ = !rest.empty() && reader_ == nullptr &&
                        (begun++ == kAnsweredAtOnceMax || session_.is_output_full());
        if (is_turn_over_) return taken;
        taken += read_head(rest);
        if (state_ == State::kHead && (reader_ != nullptr || taken == bytes.size())) return taken;
        break;
      case State::kBody:
        taken += read_body(rest);
        if (state_ == State::kBody) return taken;
        break;
      case State::kIdentified:
        begin();
        break;
      case State::kIdentify:
      case State::kAnswer:
        return taken;
      case State::kWebSocket:
        taken += socket_->on_bytes(rest, now_ns);
        if (socket_->is_closing()) state_ = State::kEnd;
        return taken;
      case State::kEnd:
        return bytes.size();
    }
  }
}

void Exchange::end_at_stop() {
  if (state_ != State::kWebSocket || session_.in_flight() > 0) return;
  socket_->go_away();
  state_ = State::kEnd;
}

std::uint64_t Exchange::overdue_ns(std::uint64_t last_activity_ns) const {
  const auto after = [](std::uint64_t ns, std::uint64_t ms) { return ns + ms * kNsPerMs; };
  switch (state_) {
    case State::kHead:
      if (reader_ != nullptr) return after(since_ns_, kHttpHeadTimeoutMs);
      return after(std::max(since_ns_, last_activity_ns), kHttpIdleTimeoutMs);
    case State::kBody:
      return after(since_ns_, kBodyTimeoutMs);
    case State::kEnd:
      // Until the last response is sent its client is given the time of an idle one.
      return session_.output().empty() ? after(since_ns_, kHttpLingerMs)
                                       : after(last_activity_ns, kHttpIdleTimeoutMs);
    case State::kWebSocket:
      if (socket_->is_deaf()) return 1;
      if (socket_->partial_since_ns() != 0)
        return after(socket_->partial_since_ns(), kBodyTimeoutMs);
      if (session_.in_flight() > 0 || session_.has_streams()) return 0;
      return after(last_activity_ns, kIdleTimeoutMs);
    default:
      return 0;
  }
}

bridge::Ending Exchange::ending() const {
  if (socket_ != nullptr && socket_->is_deaf()) return bridge::Ending::kVanished;
  return incoming_since_ns() == 0 ? bridge::Ending::kIdle : bridge::Ending::kSlowRequest;
}

std::uint64_t Exchange::incoming_since_ns() const {
  if (state_ == State::kWebSocket) return socket_->partial_since_ns();
  const bool comes = (state_ == State::kHead && reader_ != nullptr) || state_ == State::kBody;
  return comes ? since_ns_ : 0;
}

void Exchange::give_up_incoming(const Error& error) {
  if (state_ == State::kWebSocket) {
    socket_->try_again_later();
    state_ = State::kEnd;
    return;
  }
  const std::uint32_t seconds = (error.retry_after_ms() + 999) / 1000;
  refuse(http_status(error.code()), error, "Retry-After: " + std::to_string(seconds) + "\r\n");
}

// ---- a request comes in -------------------------------------------------------------------------

std::size_t Exchange::read_head(ByteView bytes) {
  if (bytes.empty()) return 0;
  if (reader_ == nullptr) {
    reader_ = std::make_unique<RequestReader>();
    since_ns_ = now_ns_;
    request_id_ = 0;
    is_head_only_ = false;
    allow_origin_.clear();
  }
  const std::size_t taken = reader_->put(bytes);
  if (reader_->state() == RequestReader::State::kHead) return taken;
  if (reader_->state() == RequestReader::State::kBroken) {
    const Fault fault = reader_->fault();
    const bool is_large = fault.status == 431;
    refuse(fault.status, is_large ? ErrorCode::kFrameTooLarge : ErrorCode::kBadRequest,
           fault.sentence);
  } else {
    on_head();
  }
  return taken;
}

void Exchange::on_head() {
  const RequestHead& head = reader_->head();
  closes_ = !head.keeps_alive;
  has_chunks_ = head.version == 11;
  if (!has_chunks_) closes_ = true;
  is_head_only_ = head.method == "HEAD";
  if (!check_origin()) return;
  if (head.method == "OPTIONS") return answer_options();
  if (!find_route() || !check_request()) return;
  if (route_ == Route::kHealth || route_ == Route::kReady) return answer_health();
  identify();
}

// Whoever it is may not come in through somebody else's browser.
bool Exchange::check_origin() {
  const RequestHead& head = reader_->head();
  const std::string_view host = head.field("host");
  if (!front_.allows_host(host)) {
    refuse(403, ErrorCode::kRejectedAuthz,
           "this server is not called '" + std::string(host.substr(0, 128)) +
               "'; [http] allowed_hosts names what it is called");
    return false;
  }
  const std::string_view origin = head.field("origin");
  if (origin.empty()) return true;
  if (!front_.allows_origin(origin, host)) {
    refuse(403, ErrorCode::kRejectedAuthz,
           "pages of this origin may not ask here; [http] cors_origins names those that may");
    return false;
  }
  allow_origin_ = origin;
  return true;
}

// What a browser asks before it sends another origin's request (CORS).
void Exchange::answer_options() {
  std::string fields = "Allow: GET, HEAD, POST, OPTIONS\r\n";
  if (!allow_origin_.empty()) {
    fields +=
        "Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
        "Access-Control-Allow-Headers: Authorization, Content-Type, Accept, Last-Event-ID\r\n"
        "Access-Control-Max-Age: 600\r\n";
  }
  reply({204, {}, std::move(fields)}, {});
}

bool Exchange::find_route() {
  struct Path {
    std::string_view path;
    Route route;
  };
  static constexpr Path kPaths[] = {{"/v1/openapi.json", Route::kOpenApi},
                                    {"/healthz", Route::kHealth},
                                    {"/readyz", Route::kReady},
                                    {"/metrics", Route::kMetrics},
                                    {"/v1/changes", Route::kChanges},
                                    {"/v1/ws", Route::kWebSocket}};
  const RequestHead& head = reader_->head();
  const std::string_view path = std::string_view(head.target).substr(0, head.target.find('?'));
  const auto* known = std::find_if(std::begin(kPaths), std::end(kPaths),
                                   [&](const Path& one) { return one.path == path; });
  const bool is_op = path.starts_with(kOps);
  if (known == std::end(kPaths) && !is_op) {
    refuse(404, ErrorCode::kNotFound,
           "there is nothing at this path; POST /v1/ops/OP carries out an op");
    return false;
  }
  route_ = is_op ? Route::kOp : known->route;
  op_ = is_op ? path.substr(kOps.size()) : std::string_view();
  const bool is_endless = route_ == Route::kWebSocket || route_ == Route::kChanges;
  const bool is_get = head.method == "GET" || (is_head_only_ && !is_endless);
  if (is_op ? head.method == "POST" : is_get) return true;
  const std::string_view allowed = is_op        ? "POST, OPTIONS"
                                   : is_endless ? "GET, OPTIONS"
                                                : "GET, HEAD, OPTIONS";
  refuse(405, ErrorCode::kUnsupported, "this path takes " + std::string(allowed),
         "Allow: " + std::string(allowed) + "\r\n");
  return false;
}

bool Exchange::check_request() {
  const RequestHead& head = reader_->head();
  if (route_ == Route::kOp && head.has_body()) {
    // A form of a foreign page cannot send this type without asking first.
    if (!is_same(trim(head.field("content-type").substr(0, head.field("content-type").find(';'))),
                 kJson)) {
      refuse(415, ErrorCode::kUnsupported, "the body must be application/json");
      return false;
    }
    if (!head.field("content-encoding").empty()) {
      refuse(415, ErrorCode::kUnsupported, "compressed bodies are not taken");
      return false;
    }
  }
  if (route_ != Route::kOp && head.has_body()) {
    refuse(400, ErrorCode::kBadRequest, "this request has no body");
    return false;
  }
  const std::string_view expected = head.field("expect");
  if (!expected.empty() && !is_same(expected, "100-continue")) {
    refuse(417, ErrorCode::kUnsupported, "the only expectation that is met is 100-continue");
    return false;
  }
  wants_events_ = route_ == Route::kChanges ||
                  head.field("accept").find("text/event-stream") != std::string_view::npos;
  return route_ != Route::kChanges || read_changes_query();
}

bool Exchange::read_changes_query() {
  const RequestHead& head = reader_->head();
  const std::string_view target = head.target;
  const std::size_t query = std::min(target.find('?'), target.size() - 1) + 1;
  auto request = changes_request(target.substr(query), head.field("last-event-id"));
  if (!request.ok()) {
    refuse(400, request.error());
    return false;
  }
  changes_ = request.take();
  return true;
}

// ---- who asks -----------------------------------------------------------------------------------

void Exchange::identify() {
  const std::string_view given = reader_->head().field("authorization");
  session_.forget_identity();
  state_ = State::kIdentified;
  const bool is_by_certificate = given.empty() && session_.has_users_certificate();
  if (given.empty() && !is_by_certificate) return;
  credentials_ = is_by_certificate ? "certificate" : io::sha256_hex(given);
  // After any change of users the words are looked at again: the password may be another one.
  if (known_ && credentials_ == known_credentials_ && session_.is_current(*known_)) {
    return session_.set_identity(*known_);
  }
  if (is_by_certificate) return ask_who(R"({"method":"certificate"})");
  const std::size_t space = std::min(given.find(' '), given.size());
  std::string_view rest = given.substr(space);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  identify_by(given.substr(0, space), rest);
}

void Exchange::identify_by(std::string_view scheme, std::string_view rest) {
  json::StringOut out;
  json::Writer json(out);
  if (is_same(scheme, "bearer")) {
    json.begin_object()
        .field("method", std::string_view(auth::is_jwt(rest) ? "jwt" : "api_key"))
        .field("token", rest)
        .end_object();
    return ask_who(out.take());
  }
  std::string pair(base64_decoded_bytes(rest), '\0');
  const bool is_pair = is_same(scheme, "basic") && base64_decode(rest, pair.data());
  const std::size_t colon = is_pair ? pair.find(':') : std::string::npos;
  if (colon == std::string::npos) {
    return refuse(401, ErrorCode::kUnauthenticated,
                  "authorization must be Basic, or Bearer with an API key or a token",
                  std::string(kSchemes));
  }
  json.begin_object()
      .field("method", std::string_view("password"))
      .field("username", std::string_view(pair).substr(0, colon))
      .field("password", std::string_view(pair).substr(colon + 1))
      .end_object();
  ask_who(out.take());
}

// The same op, and so the same limits on guesses, as on every connection.
void Exchange::ask_who(const std::string& arguments) {
  state_ = State::kIdentify;
  ask("auth", arguments);
}

void Exchange::on_identified(const bridge::Task& task, const std::string* members, Lsn watermark,
                             ByteBuffer& out) {
  if (task.code != ErrorCode::kOk) {
    STATOR_ASSERT(members == nullptr);
    return put_error(task, watermark, out);
  }
  known_ = session_.identity();
  known_credentials_ = credentials_;
  state_ = State::kIdentified;
}

// ---- it is carried out --------------------------------------------------------------------------

void Exchange::begin() {
  const RequestHead& head = reader_->head();
  if (route_ == Route::kWebSocket) return upgrade();
  const std::size_t limit = session_.frame_bytes_max();
  if (head.content_length.value_or(0) > limit) {
    if (session_.identity().is_known) {
      return refuse(413, ErrorCode::kFrameTooLarge,
                    "a body may have at most " + std::to_string(limit) + " bytes");
    }
    return refuse(401, ErrorCode::kUnauthenticated, "not authenticated", std::string(kSchemes));
  }
  reader_->set_body_limit(limit);
  since_ns_ = now_ns_;
  if (reader_->state() == RequestReader::State::kDone) return carry_out();
  state_ = State::kBody;
  if (has_chunks_ && !head.field("expect").empty()) {
    session_.output().append("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

std::size_t Exchange::read_body(ByteView bytes) {
  const std::size_t taken = reader_->put(bytes);
  if (reader_->state() == RequestReader::State::kDone) {
    carry_out();
  } else if (reader_->state() == RequestReader::State::kBroken) {
    const Fault fault = reader_->fault();
    const bool is_large = fault.status == 413;
    refuse(fault.status, is_large ? ErrorCode::kFrameTooLarge : ErrorCode::kBadRequest,
           fault.sentence);
  }
  return taken;
}

void Exchange::carry_out() {
  state_ = State::kAnswer;
  // The answer may come at once and end this request.
  const std::unique_ptr<RequestReader> request = std::move(reader_);
  switch (route_) {
    case Route::kMetrics:
      return ask("server_stats", {});
    // Whoever may describe may have it.
    case Route::kOpenApi:
      return ask("describe", R"({"name":"describe"})");
    case Route::kChanges:
      return ask("subscribe", changes_);
    default:
      return ask(op_, request->body());
  }
}

void Exchange::ask(std::string_view op, ByteView body) {
  session_.on_request(op, body, {bridge::PayloadFormat::kJson, false, now_ns_});
}

void Exchange::upgrade() {
  const RequestHead& head = reader_->head();
  const bool is_upgrade =
      head.has_token("connection", "upgrade") && head.has_token("upgrade", "websocket");
  if (!is_upgrade || head.version != 11 || head.field("sec-websocket-version") != "13") {
    return refuse(426, ErrorCode::kBadRequest, "this path speaks WebSocket, version 13",
                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  }
  const std::string accept = websocket_accept(head.field("sec-websocket-key"));
  if (accept.empty())
    return refuse(400, ErrorCode::kBadRequest, "sec-websocket-key must be 16 bytes in base64");
  write_head(
      {101,
       {},
       "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n"},
      0, system_clock().wall_ms(), session_.output());
  reader_.reset();
  socket_ = std::make_unique<WebSocket>(
      session_,
      WebSocket::Pings{
          front_.heartbeat_ms() * kNsPerMs,
          std::max<std::uint64_t>(front_.peer_timeout_ms() / front_.heartbeat_ms(), 1)},
      now_ns_);
  session_.set_form(socket_.get());
  session_.set_defaults({});
  state_ = State::kWebSocket;
}

void Exchange::answer_health() {
  std::vector<std::string> reasons;
  if (route_ == Route::kReady) reasons = session::not_ready(front_.stats(), now_ns_);
  json::StringOut out;
  json::Writer json(out);
  json.begin_object().field("status", std::string_view(reasons.empty() ? "ok" : "not ready"));
  if (!reasons.empty()) {
    json.key("reasons").begin_array();
    for (const std::string& reason : reasons) json.string(reason);
    json.end_array();
  }
  json.end_object();
  reply({reasons.empty() ? 200 : 503, kJson, {}}, out.view());
}

}  // namespace stator::http
