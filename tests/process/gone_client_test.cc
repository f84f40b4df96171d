// A client that goes is noticed, however it spoke and whatever it waits for: what it asked for
// ends, and its connection is free. At once where it says so; where it vanishes, after
// peer_timeout_s.
#include <chrono>
#include <nlohmann/json.hpp>
#include <tuple>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

enum class Way { kFrames, kWebSocket, kEvents, kLines };
enum class End { kClose, kReset, kShutdown };

constexpr std::uint64_t kWaiting = 60;
// Without the server's doing TCP tells of a closed socket after a minute, and of a vanished peer
// after a quarter of an hour: less than that, and more than a busy machine needs.
constexpr std::chrono::seconds kNoticed{25};

struct Load {
  std::uint64_t connections = 0;  // the observer's is one
  std::uint64_t streams = 0;
  std::uint64_t waiting = 0;
  bool operator==(const Load&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Load& load) {
  return out << load.connections << " connections, " << load.streams << " streams, " << load.waiting
             << " waiting";
}

class Watched {
 public:
  explicit Watched(const std::string& config)
      : server_({dir_.path(), 2, config, "dev", {"--http-listen", "127.0.0.1:0"}}) {
    EXPECT_TRUE(server_.start()) << server_.errors();
    observer_ = std::make_unique<Client>(server_.port());
  }
  ~Watched() { EXPECT_EQ(server_.stop(), 0) << server_.errors(); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  Client& observer() { return *observer_; }
  std::unique_ptr<Client> client_of(Way way) const {
    if (way == Way::kFrames) return std::make_unique<Client>(server_.port());
    if (way == Way::kWebSocket) return Client::over_websocket(server_.http_port());
    return std::make_unique<Client>(server_.http_port());
  }
  Load load() {
    const json stats = must(*observer_, {{"op", "server_stats"}});
    Load sum{stats["connections"], 0, 0};
    for (const json& lane : stats["lanes"]) {
      sum.streams += lane["streams"].get<std::uint64_t>();
      sum.waiting += lane["waiting"].get<std::uint64_t>();
    }
    return sum;
  }
  // Connections that the server ended because nothing answered.
  std::uint64_t vanished() {
    std::uint64_t sum = 0;
    const json stats = must(*observer_, {{"op", "server_stats"}});
    for (const json& lane : stats["lanes"]) {
      sum += lane["ended"]["vanished"].get<std::uint64_t>();
    }
    return sum;
  }
  ::testing::AssertionResult becomes(const Load& wanted) {
    const auto end = std::chrono::steady_clock::now() + kNoticed;
    for (;;) {
      const Load now = load();
      if (now == wanted) return ::testing::AssertionSuccess();
      if (std::chrono::steady_clock::now() > end) return ::testing::AssertionFailure() << now;
    }
  }

 private:
  TempDir dir_;
  ServerProcess server_;
  std::unique_ptr<Client> observer_;
};

void subscribe(Client& client, Way way) {
  if (way == Way::kFrames || way == Way::kWebSocket) {
    EXPECT_EQ(ask(client, {{"op", "subscribe"}})["payload"]["event"], "subscribed");
    return;
  }
  const std::string accept = way == Way::kEvents ? "Accept: text/event-stream\r\n" : "";
  client.send_raw("POST /v1/ops/subscribe HTTP/1.1\r\nHost: localhost\r\n" + accept + "\r\n");
  EXPECT_TRUE(client.receive_until("\"subscribed\"").ends_with("\"subscribed\""));
}

void end(std::unique_ptr<Client>& client, End how) {
  if (how == End::kClose) return client.reset();
  how == End::kReset ? client->reset() : client->end_of_input();
}

class GoneClientTest : public testing::TestWithParam<std::tuple<Way, End>> {};

TEST_P(GoneClientTest, TakesItsStreamWithIt) {
  const auto [way, how] = GetParam();
  Watched server("");
  auto client = server.client_of(way);
  subscribe(*client, way);
  ASSERT_TRUE(server.becomes({2, 1, 0}));
  end(client, how);
  EXPECT_TRUE(server.becomes({1, 0, 0}));
}

using GoneReaderTest = GoneClientTest;

// So much is sent behind the subscription that it is not read.
TEST_P(GoneReaderTest, TakesItsStreamWithItAlthoughItIsNotRead) {
  const auto [way, how] = GetParam();
  Watched server("");
  auto client = server.client_of(way);
  subscribe(*client, way);
  client->send_raw(std::string(100'000, 'x'));
  end(client, how);
  EXPECT_TRUE(server.becomes({1, 0, 0}));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, GoneClientTest,
    testing::Combine(testing::Values(Way::kFrames, Way::kWebSocket, Way::kEvents, Way::kLines),
                     testing::Values(End::kClose, End::kReset, End::kShutdown)));

INSTANTIATE_TEST_SUITE_P(Ways, GoneReaderTest,
                         testing::Combine(testing::Values(Way::kEvents, Way::kLines),
                                          testing::Values(End::kClose, End::kReset,
                                                          End::kShutdown)));

// Nobody ends one side of a WebSocket: a client says goodbye, or is gone.
class GoneWebSocketTest : public testing::TestWithParam<End> {};

TEST_P(GoneWebSocketTest, TakesItsRequestsWithIt) {
  Watched server("");
  auto client = server.client_of(Way::kWebSocket);
  wait_for_lsn(*client, kWaiting);
  ASSERT_TRUE(server.becomes({2, 0, kWaiting}));
  end(client, GetParam());
  EXPECT_TRUE(server.becomes({1, 0, 0}));
}

// With the window full nobody reads its end. A little more than the server reads ahead: what stays
// in its socket must leave room there for the end, which comes behind it.
TEST_P(GoneWebSocketTest, IsNoticedAlthoughItIsNotRead) {
  Watched server("");
  auto client = server.client_of(Way::kWebSocket);
  wait_for_lsn(*client, 1024 + 820);
  ASSERT_TRUE(server.becomes({2, 0, 1024}));
  end(client, GetParam());
  EXPECT_TRUE(server.becomes({1, 0, 0}));
}

INSTANTIATE_TEST_SUITE_P(Ends, GoneWebSocketTest,
                         testing::Values(End::kClose, End::kReset, End::kShutdown));

// RFC 6455, 5.5.1: a goodbye is answered with one, and nothing is said behind it.
TEST(WebSocketGoodbyeTest, IsAnsweredAtOnceAndEndsEverything) {
  Watched server("");
  auto client = server.client_of(Way::kWebSocket);
  subscribe(*client, Way::kWebSocket);
  wait_for_lsn(*client, kWaiting);
  ASSERT_TRUE(server.becomes({2, 1, kWaiting}));
  client->send_raw(
      std::string("\x88\x85\0\0\0\0\x03\xe8"
                  "bye",
                  11));
  EXPECT_EQ(client->receive_until("bye"), std::string("\x88\x05\x03\xe8"
                                                      "bye"));
  EXPECT_EQ(client->receive_until("never"), "") << "the server has closed";
  EXPECT_TRUE(server.becomes({1, 0, 0}));
}

// ---- without a word
// -------------------------------------------------------------------------------

constexpr const char* kSoon = "[server]\npeer_timeout_s = 4\n[http]\nheartbeat_s = 1\n";

class VanishedClientTest : public testing::TestWithParam<Way> {};

TEST_P(VanishedClientTest, IsNoticedWhereNothingHappens) {
  Watched server(kSoon);
  auto client = server.client_of(GetParam());
  subscribe(*client, GetParam());
  ASSERT_TRUE(server.becomes({2, 1, 0}));
  client->vanish();
  EXPECT_TRUE(server.becomes({1, 0, 0}));
}

// What it is sent stands in the way of TCP's probes.
TEST_P(VanishedClientTest, IsNoticedWhileItIsSentSomething) {
  Watched server(kSoon);
  auto client = server.client_of(GetParam());
  subscribe(*client, GetParam());
  client->vanish();
  must(server.observer(), {{"op", "point_put"}, {"document_id", "a"}, {"data", json::object()}});
  EXPECT_TRUE(server.becomes({1, 0, 0}));
  EXPECT_EQ(server.vanished(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Ways, VanishedClientTest,
                         testing::Values(Way::kFrames, Way::kWebSocket, Way::kEvents, Way::kLines));

// Its system is there, but behind a proxy that says nothing.
TEST(WebSocketPingTest, WhoNeverAnswersIsGone) {
  Watched server(kSoon);
  auto streaming = server.client_of(Way::kWebSocket);
  auto waiting = server.client_of(Way::kWebSocket);
  subscribe(*streaming, Way::kWebSocket);
  wait_for_lsn(*waiting, 1);
  ASSERT_TRUE(server.becomes({3, 1, 1}));
  EXPECT_TRUE(server.becomes({1, 0, 0}));
  EXPECT_EQ(server.vanished(), 2u);
}

TEST(WebSocketPingTest, WhoAnswersStaysAndWhoWaitsForNothingIsNotAsked) {
  Watched server(kSoon);
  auto idle = server.client_of(Way::kWebSocket);
  auto client = server.client_of(Way::kWebSocket);
  subscribe(*client, Way::kWebSocket);
  const std::string ping("\x89\0", 2);
  for (int pings = 0; pings < 8; ++pings) {
    ASSERT_EQ(client->receive_until(ping), ping);
    client->send_raw(std::string("\x8a\x80\0\0\0\0", 6));
  }
  EXPECT_EQ(server.load(), (Load{3, 1, 0}));
  EXPECT_EQ(json::parse(idle->ask(R"({"op":"ping"})"))["status"], "ok");
}

}  // namespace
}  // namespace stator::test
