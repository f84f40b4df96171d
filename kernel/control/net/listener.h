// Listening sockets. Poco parses the address. All lanes wait on one socket (EPOLLEXCLUSIVE), each
// taking one connection a turn: with SO_REUSEPORT a second server could join the port unnoticed.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace stator::net {

// A file descriptor with one owner.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close();
  // A second owner of the same socket.
  Socket duplicate() const;

 private:
  int fd_ = -1;
};

struct ListenAddress {
  std::string host;  // numeric, or a name
  std::uint16_t port = 0;
  bool is_loopback = false;
};

// "HOST:PORT" ("[::1]:6433" for IPv6). Error: kBadRequest with a sentence.
Result<ListenAddress> parse_address(const std::string& text);

struct BoundSocket {
  Socket socket;
  std::string address;  // HOST:PORT as bound: port 0 became a real one
};
// A peer whose system answers nothing is noticed after `peer_timeout_s` (kPeerTimeoutSMin or more),
// where nothing is sent to it. Error: kResourcesExhausted "… is in use".
Result<BoundSocket> listen_on(const std::string& address, std::uint64_t peer_timeout_s);

}  // namespace stator::net
