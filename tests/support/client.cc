#include "support/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace stator::test {

Client::Client(std::uint16_t port, int receive_buffer)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (receive_buffer != 0) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  const timeval limit{30, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd_);
    throw std::runtime_error("cannot connect");
  }
}

Client::~Client() {
  if (fd_ >= 0) close(fd_);
}

void Client::send_raw(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;  // closed by the server: receive() will say so
    sent += static_cast<std::size_t>(n);
  }
}

void Client::send(const std::string& body) {
  const std::uint32_t prefix = htonl(static_cast<std::uint32_t>(body.size()));
  send_raw(std::string(reinterpret_cast<const char*>(&prefix), sizeof prefix) + body);
}

bool Client::read_exactly(char* to, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = recv(fd_, to, bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) throw std::runtime_error("no answer in 30 s");
    if (n <= 0) return false;
    to += n;
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<std::string> Client::receive() {
  std::uint32_t prefix = 0;
  if (!read_exactly(reinterpret_cast<char*>(&prefix), sizeof prefix)) return std::nullopt;
  std::string body(ntohl(prefix), '\0');
  if (!read_exactly(body.data(), body.size())) return std::nullopt;
  return body;
}

std::string Client::ask(const std::string& body) {
  send(body);
  auto answer = receive();
  if (!answer) throw std::runtime_error("the server closed the connection");
  return *answer;
}

void Client::end_of_input() { shutdown(fd_, SHUT_WR); }

void Client::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd_);
  fd_ = -1;
}

}  // namespace stator::test
