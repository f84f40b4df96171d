// A blocking client of the native protocol, for tests.
#pragma once

#include <cstdint>
#include <memory>
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

// A frame of the native protocol: for send_raw().
std::string framed(const std::string& body);

class Client {
 public:
  // `receive_buffer`: bytes of the socket's, so small that a client that does not read is felt; 0: the
  // system's.
  explicit Client(std::uint16_t port, int receive_buffer = 0);
  // Throws with OpenSSL's reason when the handshake fails.
  Client(std::uint16_t port, const ClientTls& tls);
  // A client that speaks WebSocket on the HTTP port: each frame's body is a message.
  static std::unique_ptr<Client> over_websocket(std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send_raw(const std::string& bytes);
  void send(const std::string& body);
  // The next frame's body; nothing when the server closed the connection. Throws after 30 s of
  // silence.
  std::optional<std::string> receive();
  // Whether receive() would not wait for its first byte. Not under TLS.
  bool has_answer() const;
  // What comes, whatever it is, until it ends so; less when the server closed the connection.
  std::string receive_until(const std::string& end);
  std::string ask(const std::string& body);
  void end_of_input();
  // Gone, as a process that dies: the server is told at once.
  void reset();
  // Gone as with its cable: nothing that it is sent arrives, and nothing is answered.
  void vanish();

 private:
  bool read_exactly(char* to, std::size_t bytes);
  void send_message(const std::string& body);
  std::optional<std::string> receive_message();
  bool is_websocket_ = false;
  int fd_;
  ssl_ctx_st* tls_context_ = nullptr;
  ssl_st* tls_ = nullptr;
};

}  // namespace stator::test
