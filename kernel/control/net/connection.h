// One client's socket and its session. It owns no receive buffer while it has no partial frame.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/limits.h"
#include "base/thread_role.h"
#include "bridge/lane_gauges.h"
#include "control/http/exchange.h"
#include "control/net/listener.h"
#include "control/net/tls_context.h"
#include "control/session/session.h"

namespace stator::net {

class Connection {
 public:
  // `tls` may be none; it belongs to `socket`.
  Connection(Socket socket, std::unique_ptr<TlsStream> tls, session::SessionHost& host,
             std::uint32_t index, std::uint32_t generation, std::uint64_t now_ns);

  // It speaks HTTP. Before anything is received.
  void speak_http(const http::Front& front) {
    http_ = std::make_unique<http::Exchange>(front, session_, opened_ns_);
  }

  int fd() const { return socket_.fd(); }
  std::uint32_t generation() const { return generation_; }
  session::Session& session() { return session_; }

  // Reads what has come (at most one slab) and hands whole frames to the session. How many bytes;
  // -1: the peer is gone.
  ssize_t receive(std::span<char> slab, std::uint64_t now_ns) STATOR_ON(lane);
  // After answers were taken in: frames that had to wait go to the session.
  void resume(std::uint64_t now_ns) STATOR_ON(lane);
  // Sends the session's output with one send. False: the peer is gone.
  bool flush(std::uint64_t now_ns) STATOR_ON(lane);

  // The peer will send no more.
  void end_of_input() STATOR_ON(lane) {
    is_ended_ = true;
    note_end();
    session_.end_of_input();
  }
  // The same, but there may be something left to read.
  void note_end() { has_noted_end_ = true; }
  bool has_noted_end() const { return has_noted_end_; }
  // A peer that has ended its side may have closed the connection, which looks alike. While it is
  // owed answers it is sent the first byte of the next one, which is always the same: where nobody
  // is left to take it the system says so (EPOLLERR). Who goes later is found by keepalive, once
  // the peer's system has forgotten the connection (a minute). Where that byte is not known,
  // has_left().
  void look_after_peer() STATOR_ON(lane) {
    const bool is_owed = has_noted_end_ && session_.owes();
    if (is_owed && !ahead_ && session_.output().empty()) ask_peer();
  }

  // From time to time.
  void beat(std::uint64_t now_ns) STATOR_ON(lane) {
    if (http_ != nullptr) http_->beat(now_ns, wants_read());
  }
  // The server stops: no more requests.
  void end_at_stop() STATOR_ON(lane) {
    session_.end_streams_at_stop();
    if (http_ != nullptr) http_->end_at_stop();
  }

  // So much of a request has come, and it is not whole.
  bool is_amid_large() const {
    return (http_ == nullptr ? partial_.size() : http_->incoming_bytes()) >= kReadBytesFirst;
  }
  bool wants_read() const;
  bool wants_write() const {
    return !session_.output().empty() || (tls_ != nullptr && tls_->wants_write());
  }
  // Requests wait for the next turn, and can have it: resume() takes them.
  bool has_backlog() const {
    return is_turn_over() && !session_.is_output_full() && !session_.is_blocked();
  }
  // Requests of it are answered one by one, and little is ready: one send may do for several.
  bool may_send_later() const {
    return http_ != nullptr && http_->answers_one_by_one() &&
           session_.output().size() < kHttpSendLaterBytesMax;
  }
  // Something waits that epoll does not know of.
  bool has_more() const {
    return has_backlog() || (tls_ != nullptr && tls_->has_more() && wants_read());
  }
  bool is_done() const {
    if (has_left()) return true;
    // An exchange that ends has said all that it will: nothing that is still carried out is owed.
    if (http_ != nullptr && http_->is_closing())
      return (is_ended_ || !http_->lingers()) && !wants_write();
    return (is_ended_ || session_.is_closing()) && !session_.owes() && !wants_write() &&
           !has_backlog();
  }
  // Its time is over: why.
  std::optional<bridge::Ending> overdue(std::uint64_t now_ns) const;

  // It waits for something, and its peer's system has taken nothing of what was sent for so long.
  // Asks the system.
  bool is_lost(std::uint64_t timeout_ms) const;

  // Memory of a request that is not whole, or waits for others of its connection, of answers that
  // wait for one before them, and of those that the client has not taken.
  std::size_t buffered_bytes() const {
    const ByteBuffer& unsent = session_.output();
    return partial_.capacity() + (http_ == nullptr ? 0 : http_->incoming_bytes()) +
           session_.waiting_bytes() + (unsent.empty() ? 0 : unsent.capacity());
  }
  // Monotonic time since when the first of it is there. All that is counted has one: what nobody
  // could be ended for would let others pay.
  std::uint64_t buffered_since_ns() const;
  // Its client is told to try again, and the connection ends. False: it reads nothing, or is owed
  // other answers first, so that telling it would free nothing.
  bool give_up(std::uint64_t now_ns) STATOR_ON(lane);

  // What epoll knows of this connection.
  std::uint32_t armed = 0;
  // Bytes that it owes its client, as they are counted in the loop's sum.
  std::size_t unsent_counted = 0;
  // The same for buffered_bytes(), in the sum of those with or without an identity.
  std::size_t buffered_counted = 0;
  bool is_counted_as_known = false;

 private:
  // As recv() and send() on a non-blocking socket, but -1 only when the peer is gone; 0: not now.
  ssize_t read(std::span<char> to);
  ssize_t write(ByteView bytes);
  void meet_client();
  void ask_peer();
  std::size_t wanted_bytes() const;
  ssize_t receive_more(std::size_t most, std::uint64_t now_ns) STATOR_ON(lane);
  // How many of the bytes were taken.
  std::size_t take(ByteView bytes, std::uint64_t now_ns) STATOR_ON(lane) {
    return http_ == nullptr ? session_.on_bytes(bytes, now_ns) : http_->on_bytes(bytes, now_ns);
  }
  bool http_wants_read() const;
  // The peer has ended its side in the middle of what neither side ends alone, and all was read
  // that can be.
  bool has_left() const {
    return has_noted_end_ && http_ != nullptr && http_->ends_with_input() && !wants_read() &&
           !has_backlog();
  }
  bool is_turn_over() const {
    if (session_.is_closing()) return false;
    return http_ == nullptr ? session_.is_turn_over() : http_->is_turn_over();
  }

  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
  std::uint32_t generation_;
  session::Session session_;
  std::unique_ptr<http::Exchange> http_;  // null: frames
  ByteBuffer partial_;  // bytes behind the last whole frame, or frames that wait
  bool is_ended_ = false;
  bool has_noted_end_ = false;
  bool is_asked_ = false;
  std::optional<char> ahead_;  // the first byte of what is sent next, which has been sent
  std::uint64_t opened_ns_;
  std::uint64_t last_activity_ns_;
  std::uint64_t partial_since_ns_ = 0;
  std::uint64_t unsent_since_ns_ = 0;  // the client has taken nothing; 0: there is nothing
};

}  // namespace stator::net
