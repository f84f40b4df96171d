#include "control/net/listener.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>

#include "base/limits.h"

namespace stator::net {
namespace {

constexpr int kBacklog = 1024;

Result<Poco::Net::SocketAddress> resolve(const std::string& text) {
  const auto malformed = [&](const std::string& why) {
    return Error(ErrorCode::kBadRequest, "listen",
                 "'" + text + "' is not an address to listen on (HOST:PORT): " + why);
  };
  if (text.find(':') == std::string::npos) return malformed("no port");
  try {
    return Poco::Net::SocketAddress(text);
  } catch (const Poco::Exception& fault) {
    return malformed(fault.displayText());
  }
}

// What a listening socket is told holds for every connection that it accepts. A peer that has
// vanished without a word is noticed so, also where nothing is ever sent to it.
void set_keepalive(int fd, std::uint64_t timeout_s) {
  const auto set = [fd](int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof value);
  };
  const int interval_s = std::max(1, static_cast<int>(timeout_s) / 9);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(timeout_s) - kPeerProbesMax * interval_s);
  set(IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
  set(IPPROTO_TCP, TCP_KEEPCNT, kPeerProbesMax);
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

Socket::~Socket() { close(); }

Socket Socket::duplicate() const { return Socket(fcntl(fd_, F_DUPFD_CLOEXEC, 0)); }

void Socket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<ListenAddress> parse_address(const std::string& text) {
  STATOR_TRY(const auto address, resolve(text));
  return ListenAddress{address.host().toString(), address.port(), address.host().isLoopback()};
}

Result<BoundSocket> listen_on(const std::string& text, std::uint64_t peer_timeout_s) {
  STATOR_TRY(const auto address, resolve(text));
  Socket socket(::socket(address.af(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto failed = [&](const char* what) {
    const std::string why = errno == EADDRINUSE ? "the port is in use by another process"
                                                : std::strerror(errno);
    return Error(ErrorCode::kResourcesExhausted, "cannot listen on " + text + ": " + what + why);
  };
  if (!socket.is_open()) return failed("socket: ");
  const int one = 1;
  setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  set_keepalive(socket.fd(), peer_timeout_s);
  if (::bind(socket.fd(), address.addr(), address.length()) != 0) return failed("");
  if (::listen(socket.fd(), kBacklog) != 0) return failed("");
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) return failed("");
  const Poco::Net::SocketAddress shown(reinterpret_cast<sockaddr*>(&bound), size);
  return BoundSocket{std::move(socket), shown.toString()};
}

}  // namespace stator::net
