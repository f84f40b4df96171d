#include "support/meddler.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace stator::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int tcp_socket() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

std::string receive_some(int fd) {
  std::string bytes(16 << 10, '\0');
  const ssize_t n = recv(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

// False: nobody is there any more.
bool send_all(int fd, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

Meddler::Meddler(std::uint16_t server_port, std::size_t at, Spoil how)
    : at_(at), how_(how), listener_(tcp_socket()) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, raw, size) != 0 || listen(listener_, 1) != 0 ||
      getsockname(listener_, raw, &size) != 0) {
    close(listener_);
    throw std::runtime_error("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, server_port] { stand_between(server_port); });
}

Meddler::~Meddler() {
  shutdown(listener_, SHUT_RDWR);  // nobody may have come
  finish();
  close(listener_);
}

std::size_t Meddler::finish() {
  if (thread_.joinable()) thread_.join();
  return sent_;
}

void Meddler::stand_between(std::uint16_t server_port) {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  const int server = tcp_socket();
  const sockaddr_in address = loopback(server_port);
  bool is_up = client >= 0 &&
               connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
  while (is_up && poll(both, 2, -1) > 0) {
    if (both[0].revents != 0 && pass_on(client, server)) {
      shutdown(server, SHUT_WR);
      both[0].fd = -1;  // poll passes over it
      both[0].revents = 0;
    }
    if (both[1].revents != 0) {
      const std::string bytes = receive_some(server);
      is_up = !bytes.empty() && (send_all(client, bytes) || both[0].fd < 0);
    }
  }
  close(client);
  close(server);
}

bool Meddler::pass_on(int from, int to) {
  std::string bytes = receive_some(from);
  if (bytes.empty()) return true;
  const std::size_t begin = sent_;
  sent_ += bytes.size();
  const bool is_here = at_ >= begin && at_ < sent_;
  if (is_here) {
    const std::size_t i = at_ - begin;
    switch (how_) {
      case Spoil::kFlip:
        bytes[i] = static_cast<char>(bytes[i] ^ (1 << (at_ % 8)));
        break;
      case Spoil::kDrop:
        bytes.erase(i, 1);
        break;
      case Spoil::kRepeat:
        bytes.insert(i, 1, bytes[i]);
        break;
    }
  }
  send_all(to, bytes);
  return is_here;
}

}  // namespace stator::test
