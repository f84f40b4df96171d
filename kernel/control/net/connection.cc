#include "control/net/connection.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <sys/socket.h>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "control/wire/frame.h"

namespace stator::net {
namespace {

using bridge::Ending;

constexpr std::size_t kKeepOutputBytes = 16 * 1024;
constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint32_t kRetryIncomingMs = 1000;

}  // namespace

Connection::Connection(Socket socket, std::unique_ptr<TlsStream> tls, session::SessionHost& host,
                       std::uint32_t index, std::uint32_t generation, std::uint64_t now_ns)
    : socket_(std::move(socket)),
      tls_(std::move(tls)),
      generation_(generation),
      session_(host, index, generation),
      opened_ns_(now_ns),
      last_activity_ns_(now_ns) {}

ssize_t Connection::read(std::span<char> to) {
  if (tls_ != nullptr) {
    const bool was_established = tls_->is_established();
    const ssize_t received = tls_->read(to);
    if (!was_established) meet_client();
    return received;
  }
  const ssize_t received = recv(socket_.fd(), to.data(), to.size(), 0);
  if (received > 0) return received;
  return received < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

// Before the session sees a byte of the client: who it is by its certificate.
void Connection::meet_client() {
  if (tls_->is_established()) session_.set_certificate(tls_->client_certificate());
}

ssize_t Connection::write(ByteView bytes) {
  if (tls_ != nullptr) {
    const bool was_established = tls_->is_established();
    const ssize_t sent = tls_->write(bytes);
    if (!was_established) meet_client();
    return sent;
  }
  const ssize_t sent = send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

// A client that goes is noticed while its request is carried out, too: so it is read on.
bool Connection::http_wants_read() const {
  if (http_->is_closing()) return http_->lingers();
  return partial_.size() < kHttpAheadBytesMax;
}

bool Connection::wants_read() const {
  if (is_ended_ || is_turn_over() || session_.is_output_full()) return false;
  if (http_ != nullptr) return http_wants_read();
  return !session_.is_blocked() && !session_.is_closing();
}

// Of a large request all there is; otherwise little: it may be thousands of small ones, and others
// wait for their turn.
std::size_t Connection::wanted_bytes() const {
  if (http_ != nullptr) return std::max(kReadBytesFirst, http_->incoming_bytes());
  const wire::Frame frame = wire::next_frame(partial_.view(), kFrameBytesMax);
  if (frame.state != wire::FrameState::kPartial || frame.bytes < partial_.size())
    return kReadBytesFirst;
  return std::max(kReadBytesFirst, frame.bytes - partial_.size());
}

// Of a large request: to its end in place, in steps no larger than what is there, as it grows
// anyway.
ssize_t Connection::receive_more(std::size_t most, std::uint64_t now_ns) {
  const std::size_t room = std::min({most, wanted_bytes(), partial_.size()});
  const ssize_t received = read({partial_.reserve(room), room});
  if (received <= 0) return received;
  last_activity_ns_ = now_ns;
  partial_.commit(static_cast<std::size_t>(received));
  resume(now_ns);
  return received;
}

ssize_t Connection::receive(std::span<char> slab, std::uint64_t now_ns) {
  if (partial_.size() >= kReadBytesFirst) return receive_more(slab.size(), now_ns);
  const ssize_t received = read(slab.first(std::min(slab.size(), wanted_bytes())));
  if (received <= 0) return received;
  last_activity_ns_ = now_ns;
  const ByteView bytes(slab.data(), static_cast<std::size_t>(received));
  if (partial_.empty()) {
    const std::size_t taken = take(bytes, now_ns);
    partial_.append(bytes.substr(taken));
    partial_since_ns_ = partial_.empty() ? 0 : now_ns;
    return received;
  }
  partial_.append(bytes);
  resume(now_ns);
  return received;
}

void Connection::resume(std::uint64_t now_ns) {
  // An exchange may have something to go on with although nothing came.
  if (http_ == nullptr && (partial_.empty() || session_.is_blocked())) return;
  const std::size_t taken = take(partial_.view(), now_ns);
  if (taken == 0) return;
  partial_.consume(taken);
  partial_since_ns_ = now_ns;
  if (!partial_.empty()) return;
  partial_.release();
  partial_since_ns_ = 0;
}

void Connection::ask_peer() {
  // Of every frame: none has 16 MiB.
  static_assert(kPayloadBytesMax / 3 * 4 + 4096 < kFrameBytesMax);
  const std::optional<char> first =
      http_ == nullptr ? std::optional<char>('\0') : http_->first_byte();
  if (first && write({&*first, 1}) == 1) ahead_ = first;
  if (std::exchange(is_asked_, true)) return;
  const auto set = [this](int level, int name, int value) {
    setsockopt(socket_.fd(), level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_KEEPIDLE, kEndedPeerAskS);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kEndedPeerAskS);
  set(IPPROTO_TCP, TCP_KEEPCNT, kEndedPeerAsksMax);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
}

bool Connection::flush(std::uint64_t now_ns) {
  ByteBuffer& output = session_.output();
  if (!wants_write()) return true;
  if (ahead_ && !output.empty()) {
    STATOR_ASSERT(output.view().front() == *ahead_);
    output.consume(1);
    ahead_.reset();
  }
  const ssize_t sent = write(output.view());
  if (sent == 0 && unsent_since_ns_ == 0) unsent_since_ns_ = now_ns;
  if (sent <= 0) return sent == 0;
  last_activity_ns_ = now_ns;
  output.consume(static_cast<std::size_t>(sent));
  unsent_since_ns_ = output.empty() ? 0 : now_ns;
  if (output.empty()) output.rest(kKeepOutputBytes);
  // So that the client sees the end of what it is told; what it still sends is dropped.
  if (output.empty() && http_ != nullptr && http_->lingers() && tls_ == nullptr) {
    shutdown(socket_.fd(), SHUT_WR);
  }
  session_.resume_streams();
  return true;
}

std::uint64_t Connection::buffered_since_ns() const {
  std::uint64_t first = 0;
  for (const std::uint64_t since :
       {http_ == nullptr ? 0 : http_->incoming_since_ns(), partial_since_ns_,
        session_.waiting_since_ns(), unsent_since_ns_}) {
    if (since != 0 && (first == 0 || since < first)) first = since;
  }
  return first == 0 ? last_activity_ns_ : first;
}

bool Connection::give_up(std::uint64_t now_ns) {
  if (unsent_since_ns_ != 0 || session_.waiting_bytes() > 0) return false;
  if (session_.is_closing() || (http_ != nullptr && http_->incoming_since_ns() == 0)) return false;
  const Error error =
      Error(ErrorCode::kBusy,
            "the request was given up: too many bytes of requests that are not whole, and it was "
            "the slowest")
          .with_retry_after(kRetryIncomingMs);
  if (http_ != nullptr) {
    http_->give_up_incoming(error);
  } else {
    session_.refuse_frame(error, now_ns);
    partial_.release();
    partial_since_ns_ = 0;
  }
  return true;
}

std::optional<Ending> Connection::overdue(std::uint64_t now_ns) const {
  const auto if_over = [now_ns](std::uint64_t end_ns, Ending why) {
    return end_ns != 0 && now_ns > end_ns ? std::optional(why) : std::nullopt;
  };
  if (tls_ != nullptr && !tls_->is_established()) {
    return if_over(opened_ns_ + kTlsHandshakeTimeoutMs * kNsPerMs, Ending::kSlowHandshake);
  }
  if (http_ != nullptr) return if_over(http_->overdue_ns(last_activity_ns_), http_->ending());
  if (session_.in_flight() > 0 || session_.has_streams()) return std::nullopt;
  if (partial_since_ns_ != 0 && !session_.is_blocked()) {
    return if_over(partial_since_ns_ + kBodyTimeoutMs * kNsPerMs, Ending::kSlowRequest);
  }
  return if_over(last_activity_ns_ + kIdleTimeoutMs * kNsPerMs, Ending::kIdle);
}

// While segments are repeated TCP sends no probes, and gives up after a quarter of an hour only. A
// peer that takes nothing but is there answers to the probes of its window, which are no repeats.
bool Connection::is_lost(std::uint64_t timeout_ms) const {
  if (session_.in_flight() == 0 && !session_.has_streams() && !wants_write()) return false;
  tcp_info told{};
  socklen_t size = sizeof told;
  if (getsockopt(socket_.fd(), IPPROTO_TCP, TCP_INFO, &told, &size) != 0) return false;
  return told.tcpi_retransmits >= kPeerRepeatsMin && told.tcpi_last_ack_recv > timeout_ms;
}

}  // namespace stator::net
