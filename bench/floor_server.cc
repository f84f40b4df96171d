// The least that a server of these frames can do on one core: takes whole frames, answers each with
// the same bytes, sends once per connection and turn; before it answers a point_put its bytes are
// on the disk, written as the log is. It knows no JSON, keeps nothing, checks nothing. What it
// reaches beside Redis is what this machine allows; the distance to Stator is what a database
// costs.
//
//   floor_server LOG_FILE      prints a ready line as statord does
//
// Started by `STATOR_FLOOR=1 bench/run`.
#include <arpa/inet.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kLogBytes = 64u << 20;
constexpr std::size_t kSlabBytes = 1u << 20;
constexpr std::size_t kPrefix = 4;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// A file of zeros that is written again and again, each commit with one direct, synchronous write.
class Log {
 public:
  explicit Log(const char* path)
      : fd_(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT | O_DSYNC, 0600)),
        block_(static_cast<char*>(std::aligned_alloc(kBlock, kLogBytes))) {
    std::memset(block_, 0, kLogBytes);
    if (fd_ < 0 || pwrite(fd_, block_, kLogBytes, 0) != ssize_t{kLogBytes}) die("log");
  }
  ~Log() {
    close(fd_);
    std::free(block_);
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  void write(std::size_t bytes) {
    const std::size_t whole = (bytes + kBlock - 1) / kBlock * kBlock;
    if (at_ + whole > kLogBytes) at_ = 0;
    if (pwrite(fd_, block_, whole, static_cast<off_t>(at_)) != static_cast<ssize_t>(whole)) {
      die("log");
    }
    at_ += whole;
  }

 private:
  int fd_;
  char* block_;
  std::size_t at_ = 0;
};

// As long as the answer to a get of 100 bytes.
std::string answer() {
  std::string body = R"({"request_id":1234567,"status":"ok","payload":")" + std::string(136, 'A') +
                     R"(","watermark_lsn":100000,"error_code":null})";
  const std::uint32_t prefix = htonl(static_cast<std::uint32_t>(body.size()));
  return std::string(reinterpret_cast<const char*>(&prefix), kPrefix) + body;
}

class Floor {
 public:
  explicit Floor(const char* log_path)
      : log_(log_path), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, raw, size) != 0 || listen(listener_, 512) != 0 ||
        getsockname(listener_, raw, &size) != 0) {
      die("listen");
    }
    watch(listener_);
    std::printf("{\"listen\":\"127.0.0.1:%d\"}\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }
  [[noreturn]] void run() {
    std::vector<epoll_event> events(256);
    for (;;) {
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      owed_.clear();
      written_ = 0;
      for (int i = 0; i < ready; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        fd == listener_ ? accept_one() : receive(fd);
      }
      if (written_ > 0) log_.write(written_);
      for (const auto& [fd, count] : owed_) reply(fd, count);
    }
  }

 private:
  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }
  void accept_one() {
    const int fd = accept(listener_, nullptr, nullptr);
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(fd);
  }
  void receive(int fd) {
    std::string& kept = kept_[fd];
    std::memcpy(slab_.get(), kept.data(), kept.size());
    const ssize_t got = recv(fd, slab_.get() + kept.size(), kSlabBytes - kept.size(), 0);
    if (got <= 0) {
      close(fd);
      kept_.erase(fd);
      return;
    }
    std::string_view in(slab_.get(), kept.size() + static_cast<std::size_t>(got));
    const int count = take(in);
    kept = in;
    if (count > 0) owed_.emplace_back(fd, count);
  }
  // Whole frames at the front of `in`.
  int take(std::string_view& in) {
    int count = 0;
    for (; in.size() >= kPrefix; ++count) {
      std::uint32_t prefix = 0;
      std::memcpy(&prefix, in.data(), kPrefix);
      const std::size_t whole = kPrefix + ntohl(prefix);
      if (in.size() < whole) break;
      if (in.substr(0, whole).compare(kPrefix, kPut.size(), kPut) == 0) written_ += whole;
      in.remove_prefix(whole);
    }
    return count;
  }
  void reply(int fd, int count) {
    out_.clear();
    for (int i = 0; i < count; ++i) out_ += answer_;
    for (std::string_view left = out_; !left.empty();) {
      const ssize_t sent = send(fd, left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      left.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  static constexpr std::string_view kPut = R"({"op":"point_put")";
  Log log_;
  const int listener_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  const std::string answer_ = answer();
  const std::unique_ptr<char[]> slab_ = std::make_unique<char[]>(kSlabBytes);
  std::map<int, std::string> kept_;        // by connection: of a frame that is not whole yet
  std::vector<std::pair<int, int>> owed_;  // connections and how many answers
  std::size_t written_ = 0;                // bytes of this turn's writes
  std::string out_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: floor_server LOG_FILE\n", stderr);
    return 2;
  }
  Floor(argv[1]).run();
}
