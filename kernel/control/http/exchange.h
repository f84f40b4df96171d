// The HTTP side of one connection: requests are taken one by one, each is a request of the session,
// and the session's answer leaves as a response.
//
//   POST /v1/ops/OP       an op; the body holds its fields
//   GET  /v1/openapi.json what can be asked
//   GET  /v1/changes      what subscribe tells, for an EventSource
//   GET  /v1/ws           frames of the native protocol as messages of WebSocket
//   GET  /healthz /readyz /metrics
//
// Every request says for itself who asks (Authorization), or nobody does: connections are shared by
// proxies. Who it was is remembered for the next request with the same words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/thread_role.h"
#include "bridge/lane_gauges.h"
#include "control/auth/identity.h"
#include "control/http/front.h"
#include "control/http/reply.h"
#include "control/http/request_reader.h"
#include "control/http/websocket.h"
#include "control/session/answer_form.h"
#include "control/session/session.h"

namespace stator::http {

// Thread: the lane's.
class Exchange final : public session::AnswerForm {
 public:
  Exchange(const Front& front, session::Session& session, std::uint64_t now_ns);

  // Takes bytes from the front of `bytes`, and goes on where an answer has come since; how many.
  std::size_t on_bytes(ByteView bytes, std::uint64_t now_ns) STATOR_ON(lane);
  // The last on_bytes() left requests for the next turn, see Session.
  bool is_turn_over() const {
    return state_ == State::kWebSocket ? session_.is_turn_over() : is_turn_over_;
  }
  // No more requests: close once the output is sent,
  bool is_closing() const { return state_ == State::kEnd; }
  // but first read on and drop what comes, until the peer closes or the time is over.
  bool lingers() const { return is_closing() && lingers_; }
  // What comes out next begins so; nothing: that is not known.
  std::optional<char> first_byte() const {
    if (is_streaming_ || state_ == State::kWebSocket) return std::nullopt;
    return 'H';
  }
  bool answers_one_by_one() const { return state_ != State::kWebSocket; }
  // A client that ends its side has left: it speaks WebSocket, where that is said in words, or
  // reads a stream that has no other end.
  bool ends_with_input() const {
    return (is_streaming_ && !has_end_) || state_ == State::kWebSocket;
  }
  // Looked at from time to time: an event stream that has been silent for too long says something,
  // a client with WebSocket is asked. `is_read`: what it says would be read.
  void beat(std::uint64_t now_ns, bool is_read) STATOR_ON(lane);
  // The server stops: a client that is owed nothing is told goodbye.
  void end_at_stop() STATOR_ON(lane);
  // Memory of a request or message that is not whole.
  std::size_t incoming_bytes() const {
    if (reader_ != nullptr) return reader_->held_bytes();
    return socket_ == nullptr ? 0 : socket_->held_bytes();
  }
  // Monotonic time since when it comes; 0: none does.
  std::uint64_t incoming_since_ns() const;
  // It is answered with `error`, and the connection ends.
  void give_up_incoming(const Error& error) STATOR_ON(lane);
  // Monotonic time at which it has had too long; 0: never. `last_activity_ns`: when bytes last came
  // or went.
  std::uint64_t overdue_ns(std::uint64_t last_activity_ns) const;
  // What it is then.
  bridge::Ending ending() const;

  void last(const bridge::Task& task, const std::string* members, Lsn watermark,
            ByteBuffer& out) override STATOR_ON(lane);
  void parts(const bridge::Task& task, Lsn watermark, ByteBuffer& out) override;

 private:
  enum class State : std::uint8_t {
    kHead,        // until the head of a request is whole
    kIdentify,    // the session looks at who asks
    kIdentified,  // it has
    kBody,        // until the body is whole
    kAnswer,      // the session works
    kWebSocket,
    kEnd,
  };
  enum class Route : std::uint8_t {
    kOp,
    kOpenApi,
    kHealth,
    kReady,
    kMetrics,
    kWebSocket,
    kChanges
  };

  std::size_t read_head(ByteView bytes) STATOR_ON(lane);
  std::size_t read_body(ByteView bytes) STATOR_ON(lane);
  void on_head() STATOR_ON(lane);
  bool check_origin();
  void answer_options();
  bool find_route();
  bool check_request();
  void identify() STATOR_ON(lane);
  void identify_by(std::string_view scheme, std::string_view rest) STATOR_ON(lane);
  void ask_who(const std::string& arguments) STATOR_ON(lane);
  void on_identified(const bridge::Task& task, const std::string* members, Lsn watermark,
                     ByteBuffer& out) STATOR_ON(lane);
  void begin() STATOR_ON(lane);
  void carry_out() STATOR_ON(lane);
  void ask(std::string_view op, ByteView body) STATOR_ON(lane);
  void upgrade();
  void answer_health();
  bool read_changes_query();

  // A response of our own, without the session.
  void refuse(int status, const Error& error, std::string fields = {});
  void refuse(int status, ErrorCode code, std::string sentence, std::string fields = {}) {
    refuse(status, Error(code, std::move(sentence)), std::move(fields));
  }
  void reply(Reply reply, ByteView body);
  void put(Reply reply, ByteView body, ByteBuffer& out);
  void put_error(const bridge::Task& task, Lsn watermark, ByteBuffer& out);
  // The head of a response in parts, if it was not written yet.
  void begin_stream(const bridge::Task& task, ByteBuffer& out);
  // `part`: of which the frames are; null: they have no place in a stream.
  void put_lines(ByteView frames, const bridge::Task* part, ByteBuffer& out);
  void put_piece(ByteView bytes, ByteBuffer& out);
  // Further fields of a response to this request.
  std::string common_fields() const;
  void finish();

  const Front& front_;
  session::Session& session_;
  State state_ = State::kHead;
  Route route_ = Route::kOp;
  std::unique_ptr<RequestReader> reader_;  // while a request is read
  std::unique_ptr<WebSocket> socket_;
  std::string op_;
  std::string changes_;            // the arguments that the query of kChanges comes to
  std::string allow_origin_;       // of a page of another origin that may read the response
  std::string credentials_;        // digest of the Authorization that is being looked at
  std::string known_credentials_;  // and of the one that `known_` gave
  std::optional<auth::Identity> known_;
  std::uint64_t request_id_ = 0;  // 0: the session has not seen it
  std::uint64_t now_ns_;
  std::uint64_t since_ns_;  // when this state began to count
  bool is_turn_over_ = false;
  bool is_head_only_ = false;
  bool has_chunks_ = true;
  bool wants_events_ = false;  // SSE instead of NDJSON
  bool is_streaming_ = false;
  bool has_end_ = false;     // the stream: it is one of pages
  bool has_spoken_ = false;  // the stream, since beat() looked
  std::uint64_t silent_since_ns_ = 0;
  bool closes_ = false;
  bool lingers_ = false;
};

}  // namespace stator::http
