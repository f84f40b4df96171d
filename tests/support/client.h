// A blocking client of the native protocol, for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace stator::test {

// Of a client under TLS, PEM files.
struct ClientTls {
  std::string ca;  // who must have signed the server's certificate, which names localhost
  std::string certificate = {};  // what the client shows; empty: nothing
  std::string key = {};
  bool is_old = false;  // nothing newer than TLS 1.2
};

class Client {
 public:
  explicit Client(std::uint16_t port);
  // Throws with OpenSSL's reason when the handshake fails.
  Client(std::uint16_t port, const ClientTls& tls);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send_raw(const std::string& bytes);
  void send(const std::string& body);
  // The next frame's body; nothing when the server closed the connection. Throws after 30 s of
  // silence.
  std::optional<std::string> receive();
  std::string ask(const std::string& body);
  void end_of_input();

 private:
  bool read_exactly(char* to, std::size_t bytes);
  int fd_;
  ssl_ctx_st* tls_context_ = nullptr;
  ssl_st* tls_ = nullptr;
};

}  // namespace stator::test
