#include "control/net/event_loop.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/thread_role.h"
#include "control/net/refusal.h"

namespace stator::net {

namespace {

using bridge::Ending;

// How often a room that is nearly full is looked through.
constexpr std::uint64_t kRoomLookNs = 5'000'000;

// Without the port: it is the client's choice.
std::string address_of(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* address =
      peer.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr)
          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(peer).sin_addr);
  return inet_ntop(peer.ss_family, address, text, sizeof text) == nullptr ? "unknown" : text;
}

}  // namespace

EventLoop::EventLoop(session::SessionHost& host, Listeners listeners, ConnectionBudget& budget,
                     int doorbell_fd)
    : host_(host),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      listeners_(std::move(listeners)),
      budget_(budget),
      slab_(std::make_unique<char[]>(kReadBytesPerTurn)),
      now_ns_(system_clock().monotonic_ns()),
      swept_ns_(now_ns_),
      handshakes_filled_ns_(now_ns_) {
  STATOR_ASSERT(epoll_.is_open());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = kDoorbellKey;
  STATOR_ASSERT(epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, doorbell_fd, &event) == 0);
  listen();
  // Often enough that a heartbeat, or the end of who has vanished, is late by a third at most.
  std::uint64_t often = listeners_.peer_timeout_ms / 3;
  if (listeners_.front != nullptr) often = std::min(often, listeners_.front->heartbeat_ms() / 3);
  sweep_ms_ = static_cast<int>(std::min<std::uint64_t>(kSweepMs, often));
}

void EventLoop::listen_to(const Socket& socket, std::uint32_t key) {
  if (!socket.is_open()) return;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.u32 = key;
  STATOR_ASSERT(epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, socket.fd(), &event) == 0);
}

void EventLoop::listen() {
  listen_to(listeners_.plain, kListenerKey);
  listen_to(listeners_.tls, kTlsListenerKey);
  listen_to(listeners_.http, kHttpListenerKey);
  listen_to(listeners_.https, kHttpsListenerKey);
}

void EventLoop::stop_listening() {
  is_deaf_ = true;
  for (const Socket* one :
       {&listeners_.plain, &listeners_.tls, &listeners_.http, &listeners_.https}) {
    if (one->is_open()) epoll_ctl(epoll_.fd(), EPOLL_CTL_DEL, one->fd(), nullptr);
  }
}

EventLoop::~EventLoop() = default;

std::size_t EventLoop::wait(int timeout_ms) {
  // They are as ready as those that epoll knows; these get their place too.
  const std::size_t again = std::min(again_.size(), events_.size() / 2);
  const int ready =
      epoll_wait(epoll_.fd(), events_.data() + again, static_cast<int>(events_.size() - again),
                 again == 0 ? timeout_ms : 0);
  now_ns_ = system_clock().monotonic_ns();
  received_bytes_ = 0;
  if (now_ns_ > swept_ns_ + static_cast<std::uint64_t>(sweep_ms_) * 1'000'000) sweep();
  for (std::size_t i = 0; i < again; ++i) {
    events_[i].events = EPOLLIN;
    events_[i].data.u32 = again_[i];
  }
  again_.erase(again_.begin(), again_.begin() + static_cast<std::ptrdiff_t>(again));
  return again + (ready < 0 ? 0 : static_cast<std::size_t>(ready));
}

std::size_t EventLoop::position_of(std::uint32_t name, std::size_t ready) const {
  if (name == kNobody) return 0;
  for (std::size_t i = 0; i < ready; ++i)
    if (name_of(i) == name) return i;
  return 0;
}

bool EventLoop::is_amid_large(std::size_t i) const {
  const std::uint32_t key = events_[i].data.u32;
  return key < connections_.size() && connections_[key] != nullptr &&
         connections_[key]->is_amid_large();
}

bool EventLoop::all_wait(std::size_t ready) const {
  for (std::size_t i = 0; i < ready; ++i) {
    const std::uint32_t key = name_of(i);
    if (key == kDoorbellKey) continue;
    if (key >= connections_.size() || connections_[key] == nullptr) return false;
    if (connections_[key]->session().in_flight() == 0 || is_amid_large(i)) return false;
  }
  return true;
}

void EventLoop::receive(std::size_t i) {
  const std::uint32_t key = events_[i].data.u32;
  if (key == kDoorbellKey) return;
  if (key >= kHttpsListenerKey) return accept_of(key);
  Connection* connection = connections_[key].get();
  if (connection == nullptr) return;
  if (key != last_heard_) alone_since_ns_ = now_ns_;
  last_heard_ = key;
  touch(key);
  if (is_paused_) return;  // one that was accepted meanwhile, or is gone: looked at again afterwards
  if (connection->has_backlog()) return connection->resume(now_ns_);
  const std::uint32_t what = events_[i].events;
  const bool is_gone = (what & (EPOLLHUP | EPOLLERR)) != 0;
  if ((what & EPOLLRDHUP) != 0 && !is_gone) connection->note_end();
  if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) == 0) return;
  if (!connection->wants_read()) {
    if (is_gone) close(key);
    return;
  }
  const ssize_t received = connection->receive({slab_.get(), read_bytes_}, now_ns_);
  if (received >= 0) {
    received_bytes_ += static_cast<std::size_t>(received);
    return;
  }
  // A peer that only ended its own side still gets the answers it is owed.
  if (is_gone) {
    close(key);
  } else {
    connection->end_of_input();
  }
}

void EventLoop::pass_over(std::size_t i) {
  const std::uint32_t key = events_[i].data.u32;
  if (key >= connections_.size() || connections_[key] == nullptr) return;
  touch(key);  // it may be its turn to be written; bytes that epoll does not know of are noted then
}

void EventLoop::accept_of(std::uint32_t key) {
  const TlsContext* tls = listeners_.tls_context;
  switch (key) {
    case kListenerKey:
      return accept_one(listeners_.plain, nullptr, nullptr);
    case kTlsListenerKey:
      return accept_one(listeners_.tls, tls, nullptr);
    case kHttpListenerKey:
      return accept_one(listeners_.http, nullptr, listeners_.front);
    default:
      return accept_one(listeners_.https, tls, listeners_.front);
  }
}

// One a turn: the other lanes get theirs.
void EventLoop::accept_one(const Socket& listener, const TlsContext* tls,
                           const http::Front* front) {
  sockaddr_storage peer{};
  socklen_t peer_bytes = sizeof peer;
  Socket socket(accept4(listener.fd(), reinterpret_cast<sockaddr*>(&peer), &peer_bytes,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) {
    // Others than these are of the one connection, which is gone.
    const bool is_out_of =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (!is_out_of) return;
    refuse(Ending::kTooMany, std::string("no connection can be taken: ") + std::strerror(errno));
    return stop_listening();
  }
  if (budget_.is_used_up()) {
    if (tls == nullptr) say_full(socket, front != nullptr);
    return refuse(Ending::kTooMany, "a connection was refused: " + std::to_string(budget_.most()) +
                                        " are open, the most there may be");
  }
  if (tls != nullptr && !may_shake_hands()) {
    return refuse(Ending::kHandshakeRate,
                  "TLS connections are refused: too many handshakes a second");
  }
  const int one = 1;
  // Without it a small answer waits for the peer's delayed ACK: 40 ms instead of 80 us.
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const int fd = socket.fd();
  const std::uint32_t index = add(std::move(socket), tls == nullptr ? nullptr : tls->accept(fd));
  connections_[index]->session().set_address(address_of(peer));
  if (front != nullptr) connections_[index]->speak_http(*front);
}

bool EventLoop::may_shake_hands() {
  constexpr std::uint64_t kNsPerHandshake = 1'000'000'000 / kTlsHandshakesPerSecond;
  const std::uint64_t more = (now_ns_ - handshakes_filled_ns_) / kNsPerHandshake;
  handshakes_filled_ns_ += more * kNsPerHandshake;
  handshakes_left_ = std::min<std::uint64_t>(handshakes_left_ + more, kTlsHandshakesPerSecond);
  if (handshakes_left_ == 0) return false;
  --handshakes_left_;
  return true;
}

void EventLoop::say_full(const Socket& socket, bool is_http) {
  ByteBuffer text;
  write_refusal(Error(ErrorCode::kBusy, "no more connections may be open").with_retry_after(1000),
                is_http, host_.watermark(), text);
  // As far as the system takes it at once, which is all of it.
  static_cast<void>(send(socket.fd(), text.view().data(), text.size(), MSG_NOSIGNAL));
}

void EventLoop::count(Ending why) { ++ended_[static_cast<std::size_t>(why)]; }

void EventLoop::refuse(Ending why, const std::string& sentence) {
  count(why);
  if (now_ns_ < refused_warned_ns_ + 1'000'000'000) return;
  refused_warned_ns_ = now_ns_;
  log::warn(sentence);
}

void EventLoop::end(std::uint32_t index, Ending why) {
  count(why);
  close(index);
}

void EventLoop::adopt(Socket socket, const auth::Identity& identity) {
  connections_[add(std::move(socket), nullptr)]->session().set_identity(identity);
}

std::uint32_t EventLoop::add(Socket socket, std::unique_ptr<TlsStream> tls) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(connections_.size()));
    connections_.emplace_back();
    is_dirty_.push_back(false);
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  const int fd = socket.fd();
  connections_[index] = std::make_unique<Connection>(std::move(socket), std::move(tls), host_,
                                                     index, next_generation_++, now_ns_);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u32 = index;
  STATOR_ASSERT(epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) == 0);
  connections_[index]->armed = event.events;
  ++open_;
  budget_.opened();
  return index;
}

Connection* EventLoop::find(std::uint32_t index, std::uint32_t generation) {
  if (index >= connections_.size() || connections_[index] == nullptr) return nullptr;
  return connections_[index]->generation() == generation ? connections_[index].get() : nullptr;
}

void EventLoop::on_answer(bridge::Task* task) {
  Connection* connection = find(task->connection, task->connection_generation);
  if (connection == nullptr) return host_.pool->give_back(task);
  touch(task->connection);
  connection->session().on_answer(task);
}

void EventLoop::on_password(const auth::PasswordAnswer& answer) {
  const auto index = static_cast<std::uint32_t>(answer.ticket >> 32);
  Connection* connection = find(index, static_cast<std::uint32_t>(answer.ticket));
  if (connection == nullptr) return;
  touch(index);
  host_.answered_ns = now_ns_;
  connection->session().on_password(answer);
}

template <class Which>
void EventLoop::touch_if(Which&& is_meant) {
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i] != nullptr && is_meant(*connections_[i])) touch(i);
  }
}

// Of every connection that holds answers; those that do no longer are forgotten.
template <class Change>
void EventLoop::change_held(Change&& change) {
  std::erase_if(host_.holding, [&](std::uint32_t index) STATOR_ON(lane) {
    Connection* connection = connections_[index].get();
    if (connection == nullptr || !connection->session().has_held()) return true;
    if (change(connection->session())) touch(index);
    return !connection->session().has_held();
  });
}

void EventLoop::release_held() {
  held_deadline_ns_ = 0;
  if (host_.holding.empty()) return;
  const Lsn durable = host_.watermark();
  change_held([durable](session::Session& session)
                  STATOR_ON(lane) { return session.release_held(durable); });
  if (host_.held == 0) return;
  Status health = host_.log_health();
  if (health.ok()) return;
  // Nobody will ever know whether these survive; what was not acknowledged is said to have failed.
  const bool is_lost = health.error().code() != ErrorCode::kDiskFull;
  change_held([&](session::Session& session) STATOR_ON(lane) {
    is_lost ? session.refuse_held(health.error()) : session.refuse_held_at_deadline(now_ns_);
    const std::uint64_t next = session.held_deadline_ns();
    if (next != 0 && (held_deadline_ns_ == 0 || next < held_deadline_ns_)) held_deadline_ns_ = next;
    return true;
  });
}

void EventLoop::touch(std::uint32_t index) {
  if (is_dirty_[index]) return;
  is_dirty_[index] = true;
  dirty_.push_back(index);
}

bool EventLoop::flush(bool may_wait) {
  std::size_t waiting = 0;
  if (host_.room.note_shrinking())
    touch_if([](Connection& one) { return one.session().open_bytes() > 0; });
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    const std::uint32_t index = dirty_[i];
    is_dirty_[index] = false;
    Connection* connection = connections_[index].get();
    if (connection == nullptr) continue;
    if (takes_requests() && !connection->has_backlog()) {
      const std::size_t before = connection->session().in_flight();
      connection->resume(now_ns_);
      const bool has_begun = connection->session().in_flight() > before;
      if (may_wait && has_begun && connection->may_send_later()) {
        is_dirty_[index] = true;
        dirty_[waiting++] = index;
        continue;
      }
    }
    settle(index);
  }
  dirty_.resize(waiting);
  for (const bool is_known : {false, true}) {
    if (buffered_bytes_[is_known] > buffered_bytes_max(is_known)) give_up_buffered(is_known);
  }
  look_after_room();
  return waiting > 0;
}

void EventLoop::look_after_room() {
  const session::RequestRoom& room = host_.room;
  if (!room.is_pressed() || now_ns_ < room_looked_ns_ + kRoomLookNs) return;
  room_looked_ns_ = now_ns_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> early;
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i] == nullptr || connections_[i]->session().open_bytes() == 0) continue;
    const std::uint64_t since_ns = connections_[i]->session().early_since_ns();
    if (since_ns != 0) early.emplace_back(since_ns, i);
  }
  std::sort(early.begin(), early.end());
  // What they hold is free in the next turn.
  std::size_t left = room.bytes;
  for (const auto& [since_ns, index] : early) {
    if (left <= room.bytes_max / 2) break;
    session::Session& session = connections_[index]->session();
    left -= std::min(left, session.open_bytes());
    session.give_up_early();
  }
}

void EventLoop::settle(std::uint32_t index) {
  Connection& connection = *connections_[index];
  if (!connection.flush(now_ns_) || connection.is_done()) return close(index);
  count_unsent(connection);
  count_buffered(connection);
  connection.look_after_peer();
  arm(index);
  if (takes_requests() && connection.has_more()) again_.push_back(index);
}

void EventLoop::find_slowest(bool is_known) {
  auto& slowest = slowest_[is_known];
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    const Connection* one = connections_[i].get();
    if (one == nullptr || one->is_counted_as_known != is_known) continue;
    if (one->buffered_counted > 0) slowest.emplace_back(one->buffered_since_ns(), i);
  }
  std::sort(slowest.rbegin(), slowest.rend());
}

// Not the newest: while somebody holds all the room with requests that never end, or answers that
// are never read, others come and go. And no more than must be: who came after the slowest were
// found is behind them, so they are looked for when all of them are gone, and memory is freed in
// turns as small as those in which it came.
void EventLoop::give_up_buffered(bool is_known) {
  auto& slowest = slowest_[is_known];
  if (slowest.empty()) find_slowest(is_known);
  while (buffered_bytes_[is_known] > buffered_bytes_max(is_known) && !slowest.empty()) {
    const auto [since_ns, index] = slowest.back();
    slowest.pop_back();
    Connection* one = connections_[index].get();
    if (one == nullptr || one->is_counted_as_known != is_known || one->buffered_counted == 0 ||
        one->buffered_since_ns() != since_ns)
      continue;
    count(Ending::kMemory);
    one->give_up(now_ns_) ? settle(index) : close(index);
  }
  if (now_ns_ < given_up_warned_ns_ + 1'000'000'000) return;
  given_up_warned_ns_ = now_ns_;
  log::warn(std::string("connections ") + (is_known ? "" : "of unknown clients ") +
            "have been ended: requests that were not whole and answers that were not read had too "
            "many bytes together");
}

void EventLoop::arm(std::uint32_t index) {
  Connection& connection = *connections_[index];
  std::uint32_t wanted = 0;
  if (takes_requests() && connection.wants_read()) wanted |= EPOLLIN;
  // Also of one that is not read.
  if (takes_requests() && !connection.has_noted_end()) wanted |= EPOLLRDHUP;
  if (connection.wants_write()) wanted |= EPOLLOUT;
  if (wanted == connection.armed) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u32 = index;
  STATOR_ASSERT(epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, connection.fd(), &event) == 0);
  connection.armed = wanted;
}

void EventLoop::count_unsent(Connection& connection) {
  const std::size_t now = connection.session().output().size();
  unsent_bytes_ += now - connection.unsent_counted;
  connection.unsent_counted = now;
}

void EventLoop::count_buffered(Connection& connection) {
  uncount_buffered(connection);
  connection.is_counted_as_known = connection.session().identity().is_known;
  connection.buffered_counted = connection.buffered_bytes();
  buffered_bytes_[connection.is_counted_as_known] += connection.buffered_counted;
}

void EventLoop::uncount_buffered(Connection& connection) {
  buffered_bytes_[connection.is_counted_as_known] -= connection.buffered_counted;
  connection.buffered_counted = 0;
}

void EventLoop::close(std::uint32_t index) {
  uncount_buffered(*connections_[index]);
  unsent_bytes_ -= connections_[index]->unsent_counted;
  connections_[index].reset();
  free_.push_back(index);
  --open_;
  budget_.closed();
}

void EventLoop::sweep() {
  swept_ns_ = now_ns_;
  if (std::exchange(is_deaf_, false)) listen();
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i] == nullptr) continue;
    std::optional<Ending> why = connections_[i]->overdue(now_ns_);
    if (!why && connections_[i]->is_lost(listeners_.peer_timeout_ms)) why = Ending::kVanished;
    if (why) {
      end(i, *why);
      continue;
    }
    connections_[i]->beat(now_ns_);
    if (connections_[i]->wants_write()) touch(i);
  }
}

void EventLoop::stop_reading() {
  is_stopping_ = true;
  host_.is_ending_streams = true;
  listeners_.plain.close();
  listeners_.tls.close();
  listeners_.http.close();
  listeners_.https.close();
  for (const auto& connection : connections_) {
    if (connection != nullptr) connection->end_at_stop();
  }
  touch_all();
}

void EventLoop::set_paused(bool is_paused) {
  is_paused_ = is_paused;
  host_.is_ending_streams = is_paused;
  touch_all();
}

void EventLoop::touch_all() {
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i] == nullptr) continue;
    connections_[i]->session().end_streams_at_stop();
    touch(i);
  }
}

bool EventLoop::is_drained() const {
  for (const auto& connection : connections_) {
    if (connection != nullptr && (connection->session().in_flight() > 0 || connection->wants_write())) {
      return false;
    }
  }
  return true;
}

}  // namespace stator::net
