// One WebSocket connection (RFC 6455): a message is the body of a frame of the native protocol,
// both ways. wslay knows the framing; this hands whole messages to the session, which sees frames.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/thread_role.h"
#include "control/session/answer_form.h"
#include "control/session/session.h"

namespace stator::http {

// The answer to a client's Sec-WebSocket-Key; empty: the key is none.
std::string websocket_accept(std::string_view key);

// Thread: the lane's.
class WebSocket final : public session::AnswerForm {
 public:
  // When a client is asked whether it is there, and how often without hearing from it.
  struct Pings {
    std::uint64_t after_ns;
    std::uint64_t most;
  };
  WebSocket(session::Session& session, Pings pings, std::uint64_t now_ns);
  ~WebSocket() override;
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Takes bytes from the front of `bytes` until the session is blocked; how many.
  std::size_t on_bytes(ByteView bytes, std::uint64_t now_ns) STATOR_ON(lane);
  // It said goodbye, or was told to go: close it once the output is sent.
  bool is_closing() const;
  // The server stops: says so (1001).
  void go_away();
  // The server has no room for what comes (1013).
  void try_again_later();
  // From time to time: who waits for something and was not heard, or heard nothing, for a while is
  // sent a ping, so that proxies keep the connection and either side notices that the other is
  // gone. `is_read`: what the client says would be read.
  void beat(std::uint64_t now_ns, bool is_read);
  // It has answered none of its pings.
  bool is_deaf() const { return unanswered_ > pings_.most; }
  // Memory of messages that are not whole, or wait.
  std::size_t held_bytes() const;
  // Monotonic time since when a message is begun and not ended; 0: none is.
  std::uint64_t partial_since_ns() const { return partial_since_ns_; }

  void last(const bridge::Task& task, const std::string* members, Lsn watermark,
            ByteBuffer& out) override;
  void parts(const bridge::Task& task, Lsn watermark, ByteBuffer& out) override;

 private:
  struct State;
  void deliver(std::uint64_t now_ns) STATOR_ON(lane);
  void decode(ByteView bytes);
  // Sends the frames in `frames` as messages, and what the library has to say.
  void send(ByteView frames, ByteBuffer& out);
  void close(std::uint16_t code, ByteBuffer& out);

  session::Session& session_;
  std::unique_ptr<State> state_;
  Pings pings_;
  std::uint64_t partial_since_ns_ = 0;
  std::uint64_t heard_ns_;
  std::uint64_t said_ns_;
  std::uint64_t asked_ns_ = 0;
  bool has_spoken_ = false;       // since beat() looked
  std::uint64_t unanswered_ = 0;  // pings since the client was heard
};

}  // namespace stator::http
