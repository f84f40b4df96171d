// Load generator that speaks Stator's frames and Redis' RESP with the same shape: C connections,
// each sends P requests at once and waits for their P answers. Rounds of both servers alternate, so
// that a noisy machine is noisy for both; printed are the ratios of each round.
//
// Beside the rates: the CPU time a server spent per request. It is far less noisy than a rate on a
// machine where servers and generator share two cores.
//
//   load_bench STATOR_PORT STATOR_PID REDIS_PORT REDIS_PID [ROUNDS] [SECONDS] [WORKLOAD [CxP|MORE]]
//
// WORKLOAD `tls` compares Stator with itself: the second port is its TLS port, the second pid its
// own (bench/tls). `http` compares its HTTP port, filled through the native port MORE, with the
// second server, which speaks HTTP too (bench/http). `checkpoint` looks at Stator alone: what a
// checkpoint of 200 000 documents costs, and how long others wait for their answers meanwhile.
// `fill` writes ROUNDS * 100 000 documents and ends.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kKeys = 100'000;
constexpr int kValueBytes = 100;
constexpr int kVectors = 10'000;
constexpr int kDims = 128;

enum class Protocol { kStator, kRedis, kHttp };

struct Shape {
  int connections;
  int pipeline;
};

struct Result {
  double per_second = 0;
  double p50_us = 0;  // of a whole batch of P
  double p99_us = 0;
  double cpu_us = 0;  // of the server, per request
  double own_us = 0;  // of this program, per request
};

struct Peer {
  Protocol protocol;
  int port;
  int pid;
  SSL_CTX* tls = nullptr;  // null: plain
};

std::string frame(const std::string& body) {
  const std::uint32_t prefix = htonl(static_cast<std::uint32_t>(body.size()));
  return std::string(reinterpret_cast<const char*>(&prefix), sizeof prefix) + body;
}

std::string post(const std::string& op, const std::string& body) {
  return "POST /v1/ops/" + op +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string resp(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "load_bench: %s\n", why.c_str());
  std::exit(1);
}

// A connection that blocks, plain or under TLS.
class Link {
 public:
  explicit Link(const Peer& peer) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(peer.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      die("cannot connect");
    }
    const int one = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (peer.tls == nullptr) return;
    tls_ = SSL_new(peer.tls);
    SSL_set_fd(tls_, fd_);
    if (SSL_connect(tls_) != 1) die("no TLS handshake");
  }
  ~Link() {
    SSL_free(tls_);
    close(fd_);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  int fd() const { return fd_; }
  void send_all(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const std::size_t left = bytes.size() - sent;
      const ssize_t n = tls_ != nullptr
                            ? SSL_write(tls_, bytes.data() + sent, static_cast<int>(left))
                            : send(fd_, bytes.data() + sent, left, MSG_NOSIGNAL);
      if (n <= 0) die("send failed");
      sent += static_cast<std::size_t>(n);
    }
  }
  // What has come, at least something. Under TLS one record: nothing is left that epoll cannot see.
  std::string_view receive(std::vector<char>& slab) {
    const ssize_t n = tls_ != nullptr ? SSL_read(tls_, slab.data(), static_cast<int>(slab.size()))
                                      : recv(fd_, slab.data(), slab.size(), 0);
    if (n <= 0) die("the server closed a connection");
    return {slab.data(), static_cast<std::size_t>(n)};
  }

 private:
  int fd_;
  SSL* tls_ = nullptr;
};

// Bytes of the response of HTTP at the front of `in`; 0: it is not whole. Any other status ends the
// run.
std::size_t whole_response(std::string_view in) {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const std::size_t head = in.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  if (in.compare(0, 13, "HTTP/1.1 200 ") != 0) die("http: " + std::string(in.substr(0, head)));
  const std::size_t length = in.substr(0, head).find(kLength);
  if (length == std::string_view::npos) die("http: no length");
  const int body = std::atoi(in.data() + length + kLength.size());
  const std::size_t whole = head + 4 + static_cast<std::size_t>(body);
  return in.size() < whole ? 0 : whole;
}

// Counts whole answers at the front of `in` and sets `used` to their bytes; an error answer ends
// the run. It looks at a few bytes of each answer and passes the rest, alike for both protocols:
// the generator shares the machine with the servers, so what it spends on one of them must not be
// more.
int take_answers(Protocol protocol, std::string_view in, std::size_t& used) {
  constexpr std::string_view kOk = R"("status":"ok")";
  constexpr std::size_t kHeadBytes = 128;  // request_id, id, status
  int count = 0;
  std::size_t at = 0;
  for (;; ++count) {
    const std::size_t left = in.size() - at;
    if (left < 5) break;
    std::size_t whole = 0;
    if (protocol == Protocol::kHttp) {
      whole = whole_response(in.substr(at));
      if (whole == 0) break;
    } else if (protocol == Protocol::kStator) {
      std::uint32_t prefix = 0;
      std::memcpy(&prefix, in.data() + at, sizeof prefix);
      whole = sizeof prefix + ntohl(prefix);
      if (left < whole) break;
      const std::string_view body = in.substr(at + sizeof prefix, whole - sizeof prefix);
      // {"request_id":N,"status": the answer of a request without an id.
      std::size_t comma = 15;
      while (comma < body.size() && body[comma] != ',') ++comma;
      if (body.compare(std::min(comma + 1, body.size()), kOk.size(), kOk) != 0 &&
          body.substr(0, kHeadBytes).find(kOk) == std::string_view::npos) {
        die("answer: " + std::string(body));
      }
    } else {
      std::size_t end = at + 1;
      while (end < in.size() && in[end] != '\r') ++end;
      if (end + 2 > in.size()) break;
      if (in[at] == '-' || in.compare(at, 3, "$-1") == 0)
        die("redis: " + std::string(in.substr(at, end - at)));
      whole = end + 2 - at;
      if (in[at] == '$') whole += static_cast<std::size_t>(std::atoi(in.data() + at + 1)) + 2;
      if (left < whole) break;
    }
    at += whole;
  }
  used = at;
  return count;
}

// What a connection has received of answers that are not whole yet.
class Inbox {
 public:
  int take(Protocol protocol, std::string_view fresh) {
    std::size_t used = 0;
    if (kept_.empty()) {
      const int count = take_answers(protocol, fresh, used);
      kept_ = fresh.substr(used);
      return count;
    }
    kept_ += fresh;
    const int count = take_answers(protocol, kept_, used);
    kept_.erase(0, used);
    return count;
  }

 private:
  std::string kept_;
};

// CPU time of all threads of a process so far.
double cpu_us_of(int pid) {
  double sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    double ns = 0;
    std::ifstream(thread.path() / "schedstat") >> ns;
    sum += ns / 1000;
  }
  return sum;
}

double own_cpu_us() {
  timespec spent{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e6 + static_cast<double>(spent.tv_nsec) / 1e3;
}

struct Connection {
  std::unique_ptr<Link> link;
  int waiting = 0;
  Inbox in;
  Clock::time_point sent;
};

using MakeRequest = std::function<std::string(std::uint32_t)>;

Result run(const Peer& peer, const Shape& shape, double seconds, const MakeRequest& make) {
  // Requests are made before the clock starts: both servers get ready bytes.
  std::mt19937 random(42);
  std::vector<std::string> batches(64);
  for (std::string& batch : batches) {
    for (int i = 0; i < shape.pipeline; ++i) batch += make(static_cast<std::uint32_t>(random()));
  }
  std::vector<Connection> connections(static_cast<std::size_t>(shape.connections));
  const int epoll = epoll_create1(0);
  for (std::size_t i = 0; i < connections.size(); ++i) {
    connections[i].link = std::make_unique<Link>(peer);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].link->fd(), &event);
  }
  std::size_t next_batch = 0;
  const auto fire = [&](Connection& c) {
    c.sent = Clock::now();
    c.waiting = shape.pipeline;
    c.link->send_all(batches[next_batch++ % batches.size()]);
  };
  const double cpu_before = cpu_us_of(peer.pid);
  const double own_before = own_cpu_us();
  const auto begin = Clock::now();
  for (Connection& c : connections) fire(c);
  std::uint64_t answers = 0;
  std::vector<double> latencies;
  std::vector<char> slab(1 << 20);
  std::vector<epoll_event> events(256);
  const auto is_over = [&] { return std::chrono::duration<double>(Clock::now() - begin).count() >= seconds; };
  while (!is_over()) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
    for (int i = 0; i < ready; ++i) {
      Connection& c = connections[events[static_cast<std::size_t>(i)].data.u64];
      const int got = c.in.take(peer.protocol, c.link->receive(slab));
      answers += static_cast<std::uint64_t>(got);
      c.waiting -= got;
      if (c.waiting > 0) continue;
      latencies.push_back(std::chrono::duration<double, std::micro>(Clock::now() - c.sent).count());
      fire(c);
    }
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
  const double own = own_cpu_us() - own_before;
  const double cpu = cpu_us_of(peer.pid) - cpu_before;
  close(epoll);
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](double p) {
    if (latencies.empty()) return 0.0;
    return latencies[static_cast<std::size_t>(p * static_cast<double>(latencies.size() - 1))];
  };
  return {static_cast<double>(answers) / elapsed, percentile(0.5), percentile(0.99),
          cpu / static_cast<double>(answers), own / static_cast<double>(answers)};
}

// Sends every request once over one connection, in windows.
void load(const Peer& peer, int count, const MakeRequest& make) {
  constexpr int kWindow = 500;
  Link link(peer);
  Inbox in;
  std::vector<char> slab(1 << 20);
  for (int done = 0; done < count;) {
    const int window = std::min(kWindow, count - done);
    std::string out;
    for (int i = 0; i < window; ++i) out += make(static_cast<std::uint32_t>(done + i));
    link.send_all(out);
    for (int got = 0; got < window;) got += in.take(peer.protocol, link.receive(slab));
    done += window;
  }
}

struct Spread {
  double min, median, max;
};

Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

void compare(const char* name, const Shape& shape, int rounds, const std::function<Result()>& ours,
             const std::function<Result()>& theirs) {
  std::vector<double> ratios, rates, peer_rates, tails, cpu, peer_cpu, own, peer_own;
  for (int round = 0; round < rounds; ++round) {
    const Result a = ours();
    const Result b = theirs();
    ratios.push_back(a.per_second / b.per_second);
    tails.push_back(a.p99_us / b.p99_us);
    rates.push_back(a.per_second);
    peer_rates.push_back(b.per_second);
    cpu.push_back(a.cpu_us);
    peer_cpu.push_back(b.cpu_us);
    own.push_back(a.own_us);
    peer_own.push_back(b.own_us);
  }
  const Spread ratio = spread(ratios);
  const Spread tail = spread(tails);
  std::printf(
      "%-13s %3d x %-3d %9.0f %9.0f   %5.2f / %5.2f / %5.2f   %5.2f / %5.2f / %5.2f   %6.2f %6.2f  "
      " %6.2f %6.2f\n",
      name, shape.connections, shape.pipeline, spread(rates).median, spread(peer_rates).median,
      ratio.min, ratio.median, ratio.max, tail.min, tail.median, tail.max, spread(cpu).median,
      spread(peer_cpu).median, spread(own).median, spread(peer_own).median);
  std::fflush(stdout);
}

// One request after another until `is_over`; how long each took, sorted.
std::vector<double> ask_until(const Peer& peer, const MakeRequest& make,
                              const std::function<bool()>& is_over) {
  Link link(peer);
  std::vector<double> waited;
  std::vector<char> slab(1 << 16);
  std::mt19937 random(5);
  while (!is_over()) {
    const auto begin = Clock::now();
    link.send_all(make(static_cast<std::uint32_t>(random())));
    Inbox in;
    for (int got = 0; got == 0;) got = in.take(peer.protocol, link.receive(slab));
    waited.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  std::sort(waited.begin(), waited.end());
  return waited;
}

void probe_checkpoint(const Peer& stator, int rounds, const char* name, const MakeRequest& fill,
                      const MakeRequest& ask) {
  constexpr int kDocuments = 200'000;
  std::vector<double> cost, median, worst, quiet_median, quiet_worst;
  for (int round = 0; round < rounds; ++round) {
    load(stator, kDocuments, fill);
    const auto quiet_end = Clock::now() + std::chrono::milliseconds(500);
    const auto quiet = ask_until(stator, ask, [&] { return Clock::now() >= quiet_end; });
    Link link(stator);
    const auto begin = Clock::now();
    link.send_all(frame(R"({"op":"checkpoint"})"));
    Clock::time_point end;
    const auto busy = ask_until(stator, ask, [&] {
      char answer[1024];
      const bool is_done = recv(link.fd(), answer, sizeof answer, MSG_DONTWAIT) > 0;
      if (is_done) end = Clock::now();
      return is_done;
    });
    cost.push_back(std::chrono::duration<double, std::micro>(end - begin).count() / kDocuments);
    quiet_median.push_back(quiet[quiet.size() / 2]);
    quiet_worst.push_back(quiet.back());
    median.push_back(busy[busy.size() / 2]);
    worst.push_back(busy.back());
  }
  std::printf(
      "checkpoint of %d: %.2f / %.2f / %.2f us a document; %s meanwhile: median %.0f us, worst "
      "%.0f / %.0f / "
      "%.0f us; before: median %.0f us, worst %.0f / %.0f / %.0f us\n",
      kDocuments, spread(cost).min, spread(cost).median, spread(cost).max, name,
      spread(median).median, spread(worst).min, spread(worst).median, spread(worst).max,
      spread(quiet_median).median, spread(quiet_worst).min, spread(quiet_worst).median,
      spread(quiet_worst).max);
  std::fflush(stdout);
}

std::string vector_json(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::string out = "[";
  for (int i = 0; i < kDims; ++i) {
    char text[24];
    std::snprintf(text, sizeof text, "%s%.4f", i == 0 ? "" : ",", static_cast<double>(normal(random)));
    out += text;
  }
  return out + "]";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    die("usage: load_bench STATOR_PORT STATOR_PID REDIS_PORT REDIS_PID [ROUNDS] [SECONDS] "
        "[WORKLOAD [CxP|MORE]]");
  }
  const Peer stator{Protocol::kStator, std::atoi(argv[1]), std::atoi(argv[2])};
  const Peer redis{Protocol::kRedis, std::atoi(argv[3]), std::atoi(argv[4])};
  const int rounds = argc > 5 ? std::atoi(argv[5]) : 5;
  const double seconds = argc > 6 ? std::atof(argv[6]) : 0.5;
  const std::string only = argc > 7 ? argv[7] : "";
  const std::string only_shape = argc > 8 ? argv[8] : "";
  const auto is_wanted = [&](const std::string& workload) { return only.empty() || only == workload; };
  const std::string value(kValueBytes - 8, 'x');
  const auto key = [](std::uint32_t n) { return "key-" + std::to_string(n % kKeys); };
  const MakeRequest get = [&](std::uint32_t n) {
    return frame(R"({"op":"point_get","collection":"bench","document_id":")" + key(n) + "\"}");
  };
  const MakeRequest put = [&](std::uint32_t n) {
    return frame(R"({"op":"point_put","collection":"bench","document_id":")" + key(n) + R"(","data":{"v":")" +
                 value + "\"}}");
  };
  const MakeRequest redis_get = [&](std::uint32_t n) { return resp({"GET", key(n)}); };
  const MakeRequest redis_set = [&](std::uint32_t n) { return resp({"SET", key(n), R"({"v":")" + value + "\"}"}); };
  std::mt19937 random(7);
  const MakeRequest upsert = [&](std::uint32_t n) {
    return frame(R"({"op":"vector_upsert","collection":"bench","document_id":"v)" + std::to_string(n) +
                 R"(","vector":)" + vector_json(random) + "}");
  };
  const MakeRequest search = [&](std::uint32_t) {
    return frame(R"({"op":"vector_search","collection":"bench","top_k":10,"query_vector":)" + vector_json(random) + "}");
  };
  const std::vector<Shape> shapes = {{1, 1}, {1, 16}, {50, 1}, {50, 16}, {50, 64}};
  // Redis has no vectors: its GET of the same shape says what the machine gave in that moment.
  const struct {
    const char* name;
    std::vector<Shape> shapes;
    const MakeRequest& ours;
    const MakeRequest& theirs;
  } workloads[] = {{"point_get", shapes, get, redis_get},
                   {"point_put", shapes, put, redis_set},
                   {"vector_search", {{1, 1}, {4, 4}}, search, redis_get}};
  if (only == "fill") {
    load(stator, rounds * kKeys, put);
    return 0;
  }
  if (only == "checkpoint") {
    const MakeRequest fill = [&](std::uint32_t n) {
      return frame(R"({"op":"point_put","collection":"bench","document_id":"fill-)" +
                   std::to_string(n) + R"(","data":{"v":")" + value + "\"}}");
    };
    load(stator, kKeys, put);
    probe_checkpoint(stator, rounds, "point_get", fill, get);
    probe_checkpoint(stator, rounds, "point_put", fill, put);
    return 0;
  }
  if (only == "http") {
    load({Protocol::kStator, std::atoi(only_shape.c_str()), stator.pid}, kKeys, put);
    const MakeRequest ask = [&](std::uint32_t n) {
      return post("point_get", R"({"collection":"bench","document_id":")" + key(n) + "\"}");
    };
    const Peer ours{Protocol::kHttp, stator.port, stator.pid};
    const Peer theirs{Protocol::kHttp, redis.port, redis.pid};
    std::printf("%-13s %9s %9s %9s   %-23s   %-23s   %s\n", "", "conns x P", "http/s", "peer/s",
                "ratio min/median/max", "p99 ratio", "CPU us/request  of the generator");
    for (const Shape& shape : {Shape{1, 1}, Shape{1, 16}, Shape{50, 1}, Shape{50, 16}}) {
      compare(
          "point_get", shape, rounds, [&] { return run(ours, shape, seconds, ask); },
          [&] { return run(theirs, shape, seconds, ask); });
    }
    return 0;
  }
  load(stator, kKeys, put);
  if (only == "tls") {
    Peer under_tls = {Protocol::kStator, redis.port, redis.pid, SSL_CTX_new(TLS_client_method())};
    std::printf("%-13s %9s %9s %9s   %-23s   %-23s   %s\n", "", "conns x P", "tls/s", "plain/s",
                "ratio min/median/max", "p99 ratio", "CPU us/request  of the generator");
    for (const Shape& shape : {Shape{1, 1}, Shape{1, 16}, Shape{50, 16}}) {
      compare("point_get", shape, rounds, [&] { return run(under_tls, shape, seconds, get); },
              [&] { return run(stator, shape, seconds, get); });
    }
    SSL_CTX_free(under_tls.tls);
    return 0;
  }
  load(redis, kKeys, redis_set);
  if (is_wanted("vector_search")) load(stator, kVectors, upsert);

  std::printf("%-13s %9s %9s %9s   %-23s   %-23s   %s\n", "", "conns x P", "stator/s", "redis/s",
              "ratio min/median/max", "p99 ratio", "CPU us/request  of the generator");
  for (const auto& workload : workloads) {
    if (!is_wanted(workload.name)) continue;
    for (const Shape& shape : workload.shapes) {
      const std::string name = std::to_string(shape.connections) + "x" + std::to_string(shape.pipeline);
      if (!only_shape.empty() && only_shape != name) continue;
      compare(workload.name, shape, rounds, [&] { return run(stator, shape, seconds, workload.ours); },
              [&] { return run(redis, shape, seconds, workload.theirs); });
    }
  }
  return 0;
}
