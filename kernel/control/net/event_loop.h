// The sockets of one lane: a raw epoll loop in three phases (measured against Poco's reactors and
// io_uring: docs/adr/0007). The lane calls wait(), then receive() for every ready socket, runs its
// core on what they brought, hands the answers to on_answer(), and calls flush() to send each touched
// connection's output with one send.
//
// Thread: the lane's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <sys/epoll.h>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/thread_role.h"
#include "control/net/connection.h"
#include "control/net/connection_budget.h"
#include "control/net/listener.h"
#include "control/session/session.h"

namespace stator::net {

// Where connections come in; each socket may be none.
struct Listeners {
  Socket plain;
  Socket tls;
  Socket http;
  Socket https;
  const TlsContext* tls_context = nullptr;  // of `tls` and `https`
  const http::Front* front = nullptr;       // of `http` and `https`
  std::uint64_t peer_timeout_ms = kPeerTimeoutSDefault * 1000;
};

class EventLoop {
 public:
  // `doorbell_fd` wakes wait(); its owner clears it.
  EventLoop(session::SessionHost& host, Listeners listeners, ConnectionBudget& budget,
            int doorbell_fd);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // A connection that somebody else opened, with an identity given beforehand.
  void adopt(Socket socket, const auth::Identity& identity) STATOR_ON(lane);

  // Waits up to `timeout_ms` (-1 = for ever, 0 = not at all). How many sockets are ready.
  std::size_t wait(int timeout_ms) STATOR_ON(lane);
  // Takes what has come on the `i`th of them: one read.
  void receive(std::size_t i) STATOR_ON(lane);
  // What came since wait().
  std::size_t received_bytes() const { return received_bytes_; }
  // The `i`th of them by a name that lasts, and its place among those that are ready; 0 if it is
  // not there.
  static constexpr std::uint32_t kNobody = 0xfffffffa;  // no connection, no listener
  std::uint32_t name_of(std::size_t i) const { return events_[i].data.u32; }
  std::size_t position_of(std::uint32_t name, std::size_t ready) const;
  // The `i`th of them is a connection amid a large request.
  bool is_amid_large(std::size_t i) const;
  // Whether all of them are connections that wait for answers, and owe us no more of a large
  // request.
  bool all_wait(std::size_t ready) const;
  // Leaves it as it is; it is ready next time.
  void pass_over(std::size_t i) STATOR_ON(lane);
  // What one read takes at most, kReadBytesPerTurn or less.
  void set_read_bytes(std::size_t bytes) STATOR_ON(lane) { read_bytes_ = bytes; }
  // A finished task of one of our connections; one whose connection is gone is dropped.
  void on_answer(bridge::Task* task) STATOR_ON(lane);
  void on_password(const auth::PasswordAnswer& answer) STATOR_ON(lane);
  // Answers that wait for the log: those that need not wait any more, or will not be told at all,
  // go to their connections' output.
  void release_held() STATOR_ON(lane);
  // The monotonic time at which release_held() has something to refuse; 0: none.
  std::uint64_t held_deadline_ns() const { return held_deadline_ns_; }
  // Sends, closes what is done, lets frames that waited go on. `may_wait`: where that began the
  // next of requests that are answered one by one (HTTP), what is ready of their connection is not
  // sent; true if there is such a connection: flush() again, when its answer may be there.
  bool flush(bool may_wait = false) STATOR_ON(lane);

  // No new connections, no new requests; answers are still sent.
  void stop_reading() STATOR_ON(lane);
  // No new requests until it is set back; connections stay, answers are still sent.
  void set_paused(bool is_paused) STATOR_ON(lane);
  // Nothing is owed to any client.
  bool is_drained() const;
  std::size_t connections() const { return open_; }
  // Connections that were not to their clients' liking ended, or not taken, since the start.
  const auto& ended() const { return ended_; }
  // Bytes of answers that all clients together have not taken yet.
  std::size_t unsent_bytes() const { return unsent_bytes_; }
  std::uint64_t now_ns() const { return now_ns_; }
  // Since when one connection alone has been heard (monotonic); now_ns() when there was another in
  // the last turn.
  std::uint64_t alone_since_ns() const { return alone_since_ns_; }
  // Milliseconds after which time limits must be looked at; -1 = there are none.
  int timeout_ms() const { return open_ == 0 && !is_deaf_ ? -1 : sweep_ms_; }

 private:
  static constexpr int kSweepMs = 5000;
  static constexpr std::size_t kEventsMax = 512;
  static constexpr std::uint32_t kListenerKey = 0xffffffff;
  static constexpr std::uint32_t kDoorbellKey = 0xfffffffe;
  static constexpr std::uint32_t kTlsListenerKey = 0xfffffffd;
  static constexpr std::uint32_t kHttpListenerKey = 0xfffffffc;
  static constexpr std::uint32_t kHttpsListenerKey = 0xfffffffb;

  Connection* find(std::uint32_t index, std::uint32_t generation);
  void listen_to(const Socket& socket, std::uint32_t key);
  void listen();
  // Nothing can be accepted, so that epoll would tell of it again and again.
  void stop_listening();
  // An ending that nobody asked for, and a line in the log, one of the kind a second.
  void count(bridge::Ending why);
  void refuse(bridge::Ending why, const std::string& sentence);
  void say_full(const Socket& socket, bool is_http);
  void end(std::uint32_t index, bridge::Ending why);
  void accept_of(std::uint32_t key);
  void accept_one(const Socket& listener, const TlsContext* tls, const http::Front* front);
  bool may_shake_hands();
  std::uint32_t add(Socket socket, std::unique_ptr<TlsStream> tls);
  void touch(std::uint32_t index);
  void arm(std::uint32_t index);
  void close(std::uint32_t index);
  void sweep() STATOR_ON(lane);
  void touch_all() STATOR_ON(lane);
  template <class Which>
  void touch_if(Which&& is_meant);
  template <class Change>
  void change_held(Change&& change) STATOR_ON(lane);
  bool takes_requests() const { return !is_stopping_ && !is_paused_; }
  void count_unsent(Connection& connection);
  void count_buffered(Connection& connection);
  void uncount_buffered(Connection& connection);
  // Sends what there is, and closes what is done.
  void settle(std::uint32_t index) STATOR_ON(lane);
  // Where connections have too many bytes buffered together, the slowest are ended.
  void give_up_buffered(bool is_known) STATOR_ON(lane);
  void find_slowest(bool is_known);
  // Where open requests hold too much, those that wait for an LSN give way, the oldest first.
  void look_after_room() STATOR_ON(lane);
  std::size_t buffered_bytes_max(bool is_known) const {
    return is_known ? host_.buffered_bytes_max : host_.buffered_bytes_max / 8;
  }

  session::SessionHost& host_;
  Socket epoll_;
  Listeners listeners_;
  ConnectionBudget& budget_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> dirty_;  // connections touched since the last flush
  std::vector<bool> is_dirty_;
  std::vector<std::uint32_t> again_;  // connections with bytes that epoll does not know of
  std::array<epoll_event, kEventsMax> events_;  // of the last wait()
  std::unique_ptr<char[]> slab_;
  std::size_t read_bytes_ = kReadBytesPerTurn;
  std::size_t received_bytes_ = 0;
  std::size_t open_ = 0;
  std::array<std::uint64_t, bridge::kEndingNames.size()> ended_{};  // by Ending
  std::size_t unsent_bytes_ = 0;
  std::array<std::size_t, 2> buffered_bytes_{};  // of connections without, and with, an identity
  // Of the same: those that are given up next last, by since when they buffer something. Each is
  // looked at again: it may have ended.
  std::array<std::vector<std::pair<std::uint64_t, std::uint32_t>>, 2> slowest_;
  std::uint64_t given_up_warned_ns_ = 0;
  std::uint64_t room_looked_ns_ = 0;
  std::uint32_t next_generation_ = 1;
  std::uint64_t now_ns_ = 0;
  std::uint64_t swept_ns_ = 0;
  int sweep_ms_ = kSweepMs;
  // Handshakes that may begin now; filled by kTlsHandshakesPerSecond, up to as many.
  std::uint64_t handshakes_left_ = kTlsHandshakesPerSecond;
  std::uint64_t handshakes_filled_ns_ = 0;
  std::uint64_t refused_warned_ns_ = 0;
  std::uint32_t last_heard_ = kListenerKey;
  std::uint64_t alone_since_ns_ = 0;
  std::uint64_t held_deadline_ns_ = 0;  // set while the log waits for space
  bool is_stopping_ = false;
  bool is_paused_ = false;
  bool is_deaf_ = false;  // the listening sockets are not looked at
};

}  // namespace stator::net
