#include "support/client.h"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

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

Client::Client(std::uint16_t port, const ClientTls& tls) : Client(port) {
  const auto check = [](bool is_ok, const char* what) {
    if (is_ok) return;
    char reason[256] = "";
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    throw std::runtime_error(std::string(what) + ": " + reason);
  };
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to whoever has gone
  ERR_clear_error();
  tls_context_ = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(tls_context_, SSL_VERIFY_PEER, nullptr);
  if (tls.is_old) SSL_CTX_set_max_proto_version(tls_context_, TLS1_2_VERSION);
  check(SSL_CTX_load_verify_file(tls_context_, tls.ca.c_str()) == 1, "ca");
  if (!tls.certificate.empty()) {
    check(SSL_CTX_use_certificate_chain_file(tls_context_, tls.certificate.c_str()) == 1,
          "certificate");
    check(SSL_CTX_use_PrivateKey_file(tls_context_, tls.key.c_str(), SSL_FILETYPE_PEM) == 1, "key");
  }
  tls_ = SSL_new(tls_context_);
  SSL_set1_host(tls_, "localhost");
  SSL_set_fd(tls_, fd_);
  check(SSL_connect(tls_) == 1, "handshake");
}

Client::~Client() {
  SSL_free(tls_);
  SSL_CTX_free(tls_context_);
  if (fd_ >= 0) close(fd_);
}

std::string framed(const std::string& body) {
  const std::uint32_t prefix = htonl(static_cast<std::uint32_t>(body.size()));
  return std::string(reinterpret_cast<const char*>(&prefix), sizeof prefix) + body;
}

void Client::send_raw(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const char* from = bytes.data() + sent;
    const std::size_t left = bytes.size() - sent;
    const ssize_t n = tls_ != nullptr ? SSL_write(tls_, from, static_cast<int>(left))
                                      : ::send(fd_, from, left, MSG_NOSIGNAL);
    if (n <= 0) return;  // closed by the server: receive() will say so
    sent += static_cast<std::size_t>(n);
  }
}

std::unique_ptr<Client> Client::over_websocket(std::uint16_t port) {
  auto client = std::make_unique<Client>(port);
  client->send_raw(
      "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const std::string head = client->receive_until("\r\n\r\n");
  if (!head.starts_with("HTTP/1.1 101 ")) throw std::runtime_error("no WebSocket: " + head);
  client->is_websocket_ = true;
  return client;
}

// RFC 6455, 5.2, with a mask of zeros.
void Client::send_message(const std::string& body) {
  std::string head = "\x81";
  const auto put = [&](unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) head.push_back(static_cast<char>(body.size() >> 8 * i));
  };
  if (body.size() < 126) {
    head.push_back(static_cast<char>(0x80 | body.size()));
  } else if (body.size() < 65536) {
    head.push_back(static_cast<char>(0x80 | 126));
    put(2);
  } else {
    head.push_back(static_cast<char>(0x80 | 127));
    put(8);
  }
  send_raw(head + std::string(4, '\0') + body);
}

std::optional<std::string> Client::receive_message() {
  unsigned char head[2];
  if (!read_exactly(reinterpret_cast<char*>(head), sizeof head)) return std::nullopt;
  std::size_t size = head[1];
  const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (more > 0) size = 0;
  for (std::size_t i = 0; i < more; ++i) {
    unsigned char byte = 0;
    if (!read_exactly(reinterpret_cast<char*>(&byte), 1)) return std::nullopt;
    size = size << 8 | byte;
  }
  std::string body(size, '\0');
  if (!read_exactly(body.data(), body.size()) || head[0] != 0x81) return std::nullopt;
  return body;
}

void Client::send(const std::string& body) {
  if (is_websocket_) return send_message(body);
  send_raw(framed(body));
}

bool Client::read_exactly(char* to, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t n =
        tls_ != nullptr ? SSL_read(tls_, to, static_cast<int>(bytes)) : recv(fd_, to, bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      throw std::runtime_error("no answer in 30 s");
    if (n < 0 && errno == EINTR) continue;  // this process was stopped, and goes on (signal(7))
    if (n <= 0) return false;
    to += n;
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<std::string> Client::receive() {
  if (is_websocket_) return receive_message();
  std::uint32_t prefix = 0;
  if (!read_exactly(reinterpret_cast<char*>(&prefix), sizeof prefix)) return std::nullopt;
  std::string body(ntohl(prefix), '\0');
  if (!read_exactly(body.data(), body.size())) return std::nullopt;
  return body;
}

std::string Client::receive_until(const std::string& end) {
  std::string text;
  char c = 0;
  while (!text.ends_with(end) && read_exactly(&c, 1)) text.push_back(c);
  return text;
}

std::string Client::ask(const std::string& body) {
  send(body);
  auto answer = receive();
  if (!answer) throw std::runtime_error("the server closed the connection");
  return *answer;
}

bool Client::has_answer() const {
  pollfd readable{fd_, POLLIN, 0};
  return poll(&readable, 1, 0) == 1;
}

void Client::end_of_input() { shutdown(fd_, SHUT_WR); }

void Client::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd_);
  fd_ = -1;
}

void Client::vanish() {
  // A program for the system that drops each segment before TCP sees it.
  sock_filter drop_all = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &drop_all};
  if (setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    throw std::runtime_error("no filter for a socket");
}

}  // namespace stator::test
