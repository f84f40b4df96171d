// Requests that never become whole and answers that nobody reads, on many connections at once: the
// server's memory stays bounded, the slowest are ended, and others are served as ever.
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <thread>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

constexpr std::size_t kMiB = 1024 * 1024;
// What a lane gives requests on their way at least (kBufferedBytesMin), and an eighth of it to
// strangers.
constexpr std::size_t kRoom = 64 * kMiB;
constexpr std::size_t kRoomOfStrangers = kRoom / 8;
constexpr const char* kLogin =
    R"({"op":"auth","method":"password","username":"admin","password":"test-password"})";

std::string prefix_of(std::size_t bytes) {
  std::string prefix;
  for (const int shift : {24, 16, 8, 0}) prefix.push_back(static_cast<char>(bytes >> shift & 0xff));
  return prefix;
}

// The first `bytes` of a frame of `whole`.
std::string begun(std::size_t whole, std::size_t bytes) {
  return prefix_of(whole) + R"({"op":")" + std::string(bytes, 'a');
}

// Of /proc/PID/status.
std::size_t bytes_of(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::size_t kib = 0;
  for (std::string word; status >> word;) {
    if (word == field) status >> kib;
  }
  return kib * 1024;
}

std::size_t own_bytes(pid_t pid) { return bytes_of(pid, "RssAnon:"); }
// The most that it ever had in memory, what it has mapped of files included.
std::size_t peak_bytes(pid_t pid) { return bytes_of(pid, "VmHWM:"); }

// How many of them were told to try again; the others still wait.
std::size_t told_to_try_again(std::vector<std::unique_ptr<Client>>& clients, std::size_t among) {
  std::size_t told = 0;
  for (std::size_t i = 0; i < among; ++i) {
    const std::optional<std::string> frame = clients[i]->receive();
    if (!frame) continue;
    const json answer = json::parse(*frame);
    EXPECT_EQ(answer["error_code"], "busy") << answer;
    EXPECT_EQ(answer["retryable"], true);
    EXPECT_GT(answer["retry_after_ms"], 0);
    EXPECT_EQ(clients[i]->receive(), std::nullopt);
    ++told;
  }
  return told;
}

// With a sanitizer's memory the server is at its limit, which is said.
bool is_at_limit(const json& answer) {
  return kSanitized && answer["error_code"] == "resources_exhausted";
}

// Who is crowded out is told nothing.
void expect_served(const json& answer) {
  if (is_at_limit(answer)) return;
  EXPECT_EQ(answer["status"], "ok") << answer;
}

class FloodTest : public testing::Test {
 protected:
  void start(const std::string& config) {
    server_.set_config("[server]\nmemory_limit_mib = 256\n" + config);
    ASSERT_TRUE(server_.start()) << server_.errors();
  }
  // Opens `count` connections that each send the beginning of a frame.
  void flood(std::size_t count, std::size_t whole, std::size_t bytes) {
    const std::string text = begun(whole, bytes);
    for (std::size_t i = 0; i < count; ++i) {
      clients_.push_back(std::make_unique<Client>(server_.port()));
      clients_.back()->send_raw(text);
    }
  }

  void expect_holds_less_than(std::size_t bytes) {
    if (kSanitized) return;
    EXPECT_LT(own_bytes(server_.pid()), bytes);
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(FloodTest, StrangersHoldLittleAndTheSlowestOfThemLoses) {
  start("[auth]\nmode = \"password\"\n");
  Client friendly(server_.port());
  ASSERT_EQ(json::parse(friendly.ask(kLogin))["status"], "ok");
  const std::size_t before = own_bytes(server_.pid());
  // Each holds as much as a stranger may: together four times their room.
  constexpr std::size_t kEach = 60 * 1024;
  constexpr std::size_t kStrangers = 4 * kRoomOfStrangers / kEach;
  flood(kStrangers, 64 * 1024, kEach);
  // The oldest half was given up at the latest when the last ones came.
  EXPECT_EQ(told_to_try_again(clients_, kStrangers / 2), kStrangers / 2);
  expect_holds_less_than(before + 3 * kRoomOfStrangers);
  // Who comes now, and who was there, is served.
  Client late(server_.port());
  EXPECT_EQ(json::parse(late.ask(R"({"op":"ping"})"))["status"], "ok");
  expect_served(json::parse(friendly.ask(R"({"op":"point_put","document_id":"a","data":{}})")));
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

TEST_F(FloodTest, WhoDoesNotReadItsAnswersIsNotKept) {
  start("[auth]\nmode = \"password\"\n");
  Client admin(server_.port());
  ASSERT_EQ(json::parse(admin.ask(kLogin))["status"], "ok");
  const std::size_t before = own_bytes(server_.pid());
  // Some 150 KB of frames that are refused with 5 MB, of which the system holds a part.
  std::string frames;
  for (int i = 0; i < 25'000; ++i) frames += std::string("\0\0\0\2{}", 6);
  constexpr std::size_t kStrangers = 40;
  for (std::size_t i = 0; i < kStrangers; ++i) {
    clients_.push_back(std::make_unique<Client>(server_.port(), 4096));
    clients_.back()->send_raw(frames);
  }
  // All have come, and those that are left fit into the room.
  std::size_t connections = 0;
  std::size_t ended = 0;
  do {
    const json stats = json::parse(admin.ask(R"({"op":"server_stats","payload_format":"json"})"));
    ASSERT_EQ(stats["status"], "ok");
    connections = stats["payload"]["connections"];
    ended = stats["payload"]["lanes"][0]["ended"]["memory"];
  } while (connections + ended <= kStrangers || connections > kStrangers / 2);
  EXPECT_EQ(connections + ended, kStrangers + 1);
  expect_holds_less_than(before + 4 * kRoomOfStrangers);
  Client late(server_.port());
  EXPECT_EQ(json::parse(late.ask(R"({"op":"ping"})"))["status"], "ok");
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

// Hundreds of sockets may be ready with more than a turn takes. The server is stopped while they
// are filled, so that it finds all of them at once, and the small request last. Who came first has
// the smaller LSN.
TEST_F(FloodTest, WhoAsksForLittleDoesNotWaitForAllThatIsLarge) {
  constexpr std::size_t kClients = 60;
  constexpr std::size_t kLate = 40 * 1024;
  start("");
  const auto put = [](const std::string& id, std::size_t bytes) {
    return json{{"op", "point_put"},
                {"payload_format", "json"},
                {"document_id", id},
                {"data", {{"text", std::string(bytes, 'x')}}}}
        .dump();
  };
  Client honest(server_.port());
  Client another(server_.port());
  std::string late;
  for (std::size_t i = 0; i < kClients; ++i) {
    const std::string body = put(std::to_string(i), 128 * 1024);
    const std::string frame = framed(body);
    clients_.push_back(std::make_unique<Client>(server_.port()));
    clients_.back()->send_raw(frame.substr(0, frame.size() - kLate));
    late = frame.substr(frame.size() - kLate);
  }
  // In each turn some of it is taken; all of it is less than these turns take.
  for (int i = 0; i < 500; ++i) expect_served(json::parse(another.ask(R"({"op":"ping"})")));
  server_.freeze();
  for (auto& client : clients_) client->send_raw(late);
  honest.send(put("small", 1));
  ::kill(server_.pid(), SIGCONT);
  const auto lsn_of = [](Client& client) {
    return json::parse(client.receive().value())["payload"]["lsn"].get<std::uint64_t>();
  };
  const std::uint64_t mine = lsn_of(honest);
  std::size_t before = 0;
  for (auto& client : clients_) {
    if (lsn_of(*client) < mine) ++before;
  }
  EXPECT_LT(before, kClients / 10);
}

TEST_F(FloodTest, LargeRequestsThatDoNotEndGiveWayToThoseThatDo) {
  start("");
  constexpr std::size_t kEach = 15 * kMiB;
  constexpr std::size_t kClients = 3 * kRoom / kEach;
  flood(kClients, 16 * kMiB, kEach);
  EXPECT_EQ(told_to_try_again(clients_, kClients / 2), kClients / 2);
  Client honest(server_.port());
  const json row = {{"op", "point_put"},
                    {"document_id", "big"},
                    {"data", {{"text", std::string(4 * kMiB, 'x')}}}};
  for (int i = 0; i < 3; ++i) expect_served(json::parse(honest.ask(row.dump())));
  expect_holds_less_than(4 * kRoom);
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

// Ready answers count too, while one before them is waited for.
TEST_F(FloodTest, AnswersThatWaitForOneBeforeThemAreBounded) {
  start("");
  Client writer(server_.port());
  const json row = {{"op", "point_put"},
                    {"document_id", "big"},
                    {"data", {{"text", std::string(4 * kMiB, 'x')}}}};
  ASSERT_EQ(json::parse(writer.ask(row.dump()))["status"], "ok");
  Client waiting(server_.port());
  waiting.send(
      R"({"op":"point_get","document_id":"big","min_lsn":1000000000,"deadline_ms":600000})");
  for (int i = 0; i < 100; ++i) waiting.send(R"({"op":"point_get","document_id":"big"})");
  EXPECT_EQ(waiting.receive(), std::nullopt);
  expect_holds_less_than(4 * kRoom);
  expect_served(json::parse(writer.ask(row.dump())));
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

// Each asks for one thing that it may ask for: only that it does not read is too much.
TEST_F(FloodTest, WhoReadsNothingOfALargeAnswerGivesWay) {
  start("");
  Client honest(server_.port());
  const std::string text(7 * kMiB, 'x');  // more than a socket takes
  ASSERT_EQ(json::parse(honest.ask(R"({"op":"point_put","document_id":"a","data":{"t":")" + text +
                                   R"("}})"))["status"],
            "ok");
  const std::size_t before = own_bytes(server_.pid());
  const std::string body = R"({"op":"point_get","document_id":"a"})";
  constexpr std::size_t kDeaf = 20;
  for (std::size_t i = 0; i < kDeaf; ++i) {
    clients_.push_back(std::make_unique<Client>(server_.port(), 4096));
    clients_.back()->send(body);
  }
  std::size_t connections = 0;
  std::size_t answered = 0;
  for (std::size_t own = 1; answered < kDeaf || connections > kDeaf / 2; ++own) {
    const json stats = json::parse(honest.ask(R"({"op":"server_stats","payload_format":"json"})"));
    ASSERT_EQ(stats["status"], "ok");
    connections = stats["payload"]["connections"];
    answered = stats["payload"]["lanes"][0]["requests"].get<std::size_t>() - own;
  }
  expect_holds_less_than(before + 2 * kRoom);
  expect_served(json::parse(honest.ask(body)));
  for (const auto& client : clients_) client->reset();
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

// A few bytes that ask for a hundred thousand, a thousand times: they are answered as they are
// read.
TEST_F(FloodTest, SmallRequestsForLargeAnswersWaitUntilTheirClientReads) {
  start("http_listen = \"127.0.0.1:0\"\n");
  const std::size_t before = own_bytes(server_.pid());
  std::string frames;
  for (int i = 0; i < 1000; ++i) frames += std::string("\0\0\0\21", 4) + R"({"op":"describe"})";
  std::string requests;
  for (int i = 0; i < 300; ++i)
    requests += "GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    clients_.push_back(std::make_unique<Client>(server_.port()));
    clients_.back()->send_raw(frames);
    clients_.push_back(std::make_unique<Client>(server_.http_port()));
    clients_.back()->send_raw(requests);
  }
  Client honest(server_.port());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(json::parse(honest.ask(R"({"op":"ping"})"))["status"], "ok");
  }
  expect_holds_less_than(before + kRoom);
  for (int i = 0; i < 1000; ++i) {
    const std::optional<std::string> answer = clients_[0]->receive();
    ASSERT_TRUE(answer && answer->size() > 10'000) << i;
  }
  for (const auto& client : clients_) client->reset();
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

// Also where the client says that it will send no more, and where they wait for its turn.
TEST_F(FloodTest, AllOfManyRefusedRequestsAreTold) {
  start("");
  Client client(server_.port());
  constexpr int kFrames = 20'000;
  std::string frames;
  for (int i = 0; i < kFrames; ++i) frames += std::string("\0\0\0\2{}", 6);
  client.send_raw(frames);
  client.end_of_input();
  for (int i = 0; i < kFrames; ++i) {
    const std::optional<std::string> answer = client.receive();
    ASSERT_TRUE(answer.has_value()) << i;
    ASSERT_EQ(json::parse(*answer)["request_id"], i + 1);
  }
  EXPECT_EQ(client.receive(), std::nullopt);
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

// What clients send ahead while their requests wait fills the room: they lose it, not others.
TEST_F(FloodTest, WhoSendsAheadOfAWaitingRequestDoesNotCrowdOutOthers) {
  start("http_listen = \"127.0.0.1:0\"\n");
  const std::string body = R"({"document_id":"a","min_lsn":1000000000,"deadline_ms":600000})";
  const std::string request =
      "POST /v1/ops/point_get HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string ahead;
  while (ahead.size() < 64 * 1024) ahead += request;
  constexpr std::size_t kClients = 800;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients_.push_back(std::make_unique<Client>(server_.http_port()));
    clients_.back()->send_raw(request + ahead);
  }
  Client honest(server_.port());
  const json row = {{"op", "point_put"},
                    {"document_id", "big"},
                    {"data", {{"text", std::string(4 * kMiB, 'x')}}}};
  for (int i = 0; i < 3; ++i) expect_served(json::parse(honest.ask(row.dump())));
  server_.kill();
}

// Requests that wait keep their arguments. 380 MiB of them come on six connections; each may hold
// a quarter of the room, and where they hold more together those give way that wait for an LSN.
TEST_F(FloodTest, ArgumentsOfRequestsThatWaitAreBounded) {
  start("");
  const json row = {{"op", "point_put"},
                    {"document_id", "big"},
                    {"data", {{"text", std::string(4 * kMiB, 'x')}}}};
  json waiting = row;
  waiting["min_lsn"] = 1'000'000'000;
  waiting["deadline_ms"] = 600'000;
  const std::string frame = waiting.dump();
  struct Senders {  // whatever comes of the test
    ~Senders() {
      server.kill();
      for (std::thread& one : threads) one.join();
    }
    ServerProcess& server;
    std::vector<std::thread> threads = {};
  } senders{server_};
  for (int i = 0; i < 6; ++i) {
    clients_.push_back(std::make_unique<Client>(server_.port()));
    senders.threads.emplace_back([&client = *clients_.back(), &frame] {
      try {
        for (int n = 0; n < 16; ++n) client.send(frame);
      } catch (const std::exception&) {  // the server is killed while it does not read this
      }
    });
  }
  // One of them is told to try again: the room has been full, and stays so. Not each: who holds the
  // most is not read.
  Client honest(server_.port());
  for (bool is_told = false; !is_told;) {
    ASSERT_EQ(json::parse(honest.ask(R"({"op":"ping"})"))["status"], "ok");
    for (const auto& client : clients_) {
      if (!client->has_answer()) continue;
      const json answer = json::parse(client->receive().value());
      EXPECT_TRUE(answer["error_code"] == "busy" || is_at_limit(answer)) << answer;
      is_told = true;
    }
  }
  for (int served = 0; served < 5;) {
    const json answer = json::parse(honest.ask(row.dump()));
    if (answer["error_code"] == "busy") continue;
    expect_served(answer);
    expect_served(json::parse(honest.ask(R"({"op":"point_put","document_id":"a","data":{}})")));
    ++served;
  }
  const json stats = json::parse(honest.ask(R"({"op":"server_stats","payload_format":"json"})"));
  EXPECT_LT(stats["payload"]["lanes"][0]["request_bytes"], kRoom + 16 * kMiB);
  expect_holds_less_than(4 * kRoom);
}

// One connection alone is not read while it holds its part, and loses nothing.
TEST_F(FloodTest, OneConnectionWhoseRequestsWaitIsNotReadForAWhile) {
  start("");
  Client honest(server_.port());
  const std::string small =
      R"({"op":"point_put","document_id":"a","data":{},"payload_format":"json"})";
  const std::uint64_t lsn = json::parse(honest.ask(small))["payload"]["lsn"];
  const json row = {{"op", "point_put"},
                    {"document_id", "big"},
                    {"min_lsn", lsn + 1},
                    {"deadline_ms", 600'000},
                    {"data", {{"text", std::string(4 * kMiB, 'x')}}}};
  const std::string frame = row.dump();
  Client waiting(server_.port());
  constexpr int kRequests = 20;
  std::thread sender([&] {
    for (int n = 0; n < kRequests; ++n) waiting.send(frame);
  });
  const auto request_bytes = [&]() -> std::size_t {
    const json stats = json::parse(honest.ask(R"({"op":"server_stats","payload_format":"json"})"));
    return stats["payload"]["lanes"][0]["request_bytes"];
  };
  while (request_bytes() < kRoom / 4) {
  }
  for (int i = 0; i < 100; ++i) EXPECT_LT(request_bytes(), kRoom / 2);
  // What they wait for comes.
  EXPECT_EQ(json::parse(honest.ask(small))["status"], "ok");
  for (int n = 0; n < kRequests; ++n) {
    const json answer = json::parse(waiting.receive().value());
    expect_served(answer);
  }
  sender.join();
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

// Reads whose answers are large, asked for by a few bytes: what the server holds of them does not
// depend on how many were asked for at once.
class LargeAnswersTest : public FloodTest, public testing::WithParamInterface<std::uint32_t> {
 protected:
  static constexpr std::size_t kDocuments = 8;
  void SetUp() override {
    server_.set_lanes(GetParam());
    start("");
    honest_ = std::make_unique<Client>(server_.port());
    for (std::size_t i = 0; i < kDocuments; ++i) {
      put("small-" + std::to_string(i), "x");
      put("large-" + std::to_string(i), std::string(1 * kMiB, 'x'));
    }
    before_ = peak_bytes(server_.pid());
  }
  void put(const std::string& id, const std::string& text) {
    const json put = {{"op", "point_put"}, {"document_id", id}, {"data", {{"t", text}}}};
    ASSERT_EQ(json::parse(honest_->ask(put.dump()))["status"], "ok");
  }
  static json get(std::size_t i) {
    return {{"op", "point_get"}, {"document_id", "large-" + std::to_string(i % kDocuments)}};
  }
  // Each of so many clients sends them at once, and reads nothing. A sanitizer is many times
  // slower, and what it keeps in memory tells nothing: fewer take every way, too.
  void flood_with(std::size_t clients, std::size_t count,
                  const std::function<json(std::size_t)>& one) {
    if (kSanitized) count /= 8;
    std::string frames;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string body = one(i).dump();
      frames += prefix_of(body.size()) + body;
    }
    for (std::size_t i = 0; i < clients; ++i) {
      clients_.push_back(std::make_unique<Client>(server_.port()));
      clients_.back()->send_raw(frames);
    }
  }
  // Behind what was asked for before.
  void expect_every_lane_serves() {
    for (std::size_t i = 0; i < kDocuments; ++i) {
      const json answer = json::parse(
          honest_->ask(R"({"op":"point_get","deadline_ms":60000,"document_id":"small-)" +
                       std::to_string(i) + R"("})"));
      EXPECT_EQ(answer["status"], "ok") << answer;
    }
  }
  void expect_peak_below(std::size_t bytes) {
    if (kSanitized) return;
    EXPECT_LT(peak_bytes(server_.pid()), before_ + bytes);
  }
  // Of each lane: what it gathers, what is on its way to it, what waits for its client, each in
  // buffers that double.
  std::size_t room() const { return GetParam() * 6 * kRoom; }

  std::unique_ptr<Client> honest_;
  std::size_t before_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Lanes, LargeAnswersTest, testing::Values(1, 2));

TEST_P(LargeAnswersTest, OfManyReadsAtOnceAreBounded) {
  flood_with(8, 400, [](std::size_t i) { return get(i); });
  expect_every_lane_serves();
  expect_peak_below(room());
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

TEST_P(LargeAnswersTest, OfManyScansAtOnceAreBounded) {
  flood_with(8, 100, [](std::size_t) {
    return json{{"op", "document_scan"}, {"limit", 8}, {"deadline_ms", 60000}};
  });
  expect_every_lane_serves();
  // Scans have their turns beside other reads: this one is behind them.
  honest_->ask(R"({"op":"document_scan","limit":1,"deadline_ms":60000})");
  expect_peak_below(room());
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

TEST_P(LargeAnswersTest, OfABatchAreNotGatheredBeyondWhatMayBeAnswered) {
  for (const bool is_atomic : {true, false}) {
    json batch = {{"op", "batch"}, {"atomic", is_atomic}, {"ops", json::array()}};
    for (std::size_t i = 0; i < 500; ++i) batch["ops"].push_back(get(i));
    const json answer = json::parse(honest_->ask(batch.dump()));
    EXPECT_EQ(answer["error_code"], "resources_exhausted") << answer;
    EXPECT_EQ(answer["field"], "ops");
  }
  expect_peak_below(3 * kRoom);
  expect_every_lane_serves();
  EXPECT_EQ(server_.stop(), 0) << server_.errors();
}

}  // namespace
}  // namespace stator::test
