// Sends what a file holds to a server and prints how long that took, as JSON. For comparisons in
// which the client must cost little and the same on both sides.
//
//   replay_bench stator|redis PORT CONNECTIONS FILE
//
// The file is records: length u32, answers u32 (both little-endian), then the bytes to be sent, a
// frame or commands, after which so many answers come. Each connection has one record on its way.
// All is read and connected before the clock starts; an answer that is an error ends the program.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "replay_bench: %s\n", why.c_str());
  std::exit(1);
}

struct Item {
  std::string_view bytes;
  std::uint32_t answers = 0;
};

std::vector<Item> read_items(const std::string& text) {
  std::vector<Item> items;
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t head[2];
    if (text.size() - at < sizeof head) fail("the file is cut");
    std::memcpy(head, text.data() + at, sizeof head);
    at += sizeof head;
    if (text.size() - at < head[0]) fail("the file is cut");
    items.push_back({std::string_view(text).substr(at, head[0]), head[1]});
    at += head[0];
  }
  return items;
}

// Bytes of the first answer in `in`; 0: it is not whole.
std::size_t frame_bytes(std::string_view in) {
  if (in.size() < 4) return 0;
  std::uint32_t prefix = 0;
  std::memcpy(&prefix, in.data(), sizeof prefix);
  const std::size_t bytes = 4 + std::size_t{ntohl(prefix)};
  if (in.size() < bytes) return 0;
  const std::string_view head = in.substr(4, std::min<std::size_t>(bytes - 4, 200));
  if (head.find("\"status\":\"ok\"") == head.npos) fail(std::string(head));
  return bytes;
}

std::size_t resp_bytes(std::string_view in) {
  const std::size_t line = in.find("\r\n");
  if (line == in.npos) return 0;
  const std::size_t after = line + 2;
  if (in[0] == '-') fail(std::string(in.substr(0, line)));
  if (in[0] == '+' || in[0] == ':') return after;
  const long count = std::atol(std::string(in.substr(1, line - 1)).c_str());
  if (count < 0) return after;
  if (in[0] == '$') {
    const std::size_t bytes = after + static_cast<std::size_t>(count) + 2;
    return in.size() < bytes ? 0 : bytes;
  }
  std::size_t at = after;
  for (long i = 0; i < count; ++i) {
    const std::size_t element = at < in.size() ? resp_bytes(in.substr(at)) : 0;
    if (element == 0) return 0;
    at += element;
  }
  return at;
}

struct Peer {
  int fd = -1;
  std::size_t item = 0;    // on its way
  std::uint32_t left = 0;  // answers
  std::string in;
  Clock::time_point begin;
};

class Replay {
 public:
  Replay(bool is_redis, const std::vector<Item>& items) : is_redis_(is_redis), items_(items) {}

  void connect(int port, int connections) {
    peers_.resize(static_cast<std::size_t>(
        std::min<std::size_t>(static_cast<std::size_t>(connections), items_.size())));
    epoll_ = epoll_create1(0);
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      peers_[i].fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(static_cast<std::uint16_t>(port));
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(peers_[i].fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
        fail("cannot connect");
      }
      const int on = 1;
      setsockopt(peers_[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, peers_[i].fd, &event);
    }
  }
  void run() {
    const auto begin = Clock::now();
    for (Peer& peer : peers_) send_next(peer);
    std::array<epoll_event, 64> events;
    while (us_.size() < items_.size()) {
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        receive(peers_[events[static_cast<std::size_t>(i)].data.u64]);
      }
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::sort(us_.begin(), us_.end());
    std::printf("{\"seconds\":%.6f,\"requests\":%zu,\"p50_us\":%.0f,\"p99_us\":%.0f}\n", seconds,
                us_.size(), us_[us_.size() / 2], us_[us_.size() * 99 / 100]);
  }

 private:
  void send_next(Peer& peer) {
    if (next_ == items_.size()) return;
    peer.item = next_++;
    peer.left = items_[peer.item].answers;
    peer.begin = Clock::now();
    // Both sides read while they write, so a blocking send ends.
    for (std::string_view bytes = items_[peer.item].bytes; !bytes.empty();) {
      const ssize_t sent = send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) fail("the server closed the connection");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void receive(Peer& peer) {
    static std::array<char, 256 * 1024> buffer;
    const ssize_t got = read(peer.fd, buffer.data(), buffer.size());
    if (got <= 0) fail("the server closed the connection");
    peer.in.append(buffer.data(), static_cast<std::size_t>(got));
    while (peer.left > 0) {
      const std::size_t bytes = is_redis_ ? resp_bytes(peer.in) : frame_bytes(peer.in);
      if (bytes == 0) return;
      peer.in.erase(0, bytes);
      --peer.left;
    }
    us_.push_back(std::chrono::duration<double, std::micro>(Clock::now() - peer.begin).count());
    send_next(peer);
  }

  bool is_redis_;
  const std::vector<Item>& items_;
  std::vector<Peer> peers_;
  int epoll_ = -1;
  std::size_t next_ = 0;
  std::vector<double> us_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("usage: replay_bench stator|redis PORT CONNECTIONS FILE");
  std::ifstream file(argv[4], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::vector<Item> items = read_items(text);
  if (items.empty()) fail("the file holds nothing");
  Replay replay(std::string_view(argv[1]) == "redis", items);
  replay.connect(std::atoi(argv[2]), std::atoi(argv[3]));
  replay.run();
}
