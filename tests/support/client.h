// A blocking client of the native protocol, for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stator::test {

class Client {
 public:
  // `receive_buffer`: bytes of the socket's, so small that a client that does not read is felt; 0: the
  // system's.
  explicit Client(std::uint16_t port, int receive_buffer = 0);
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
  // Gone, as a process that dies: the server is told at once.
  void reset();

 private:
  bool read_exactly(char* to, std::size_t bytes);
  int fd_;
};

}  // namespace stator::test
