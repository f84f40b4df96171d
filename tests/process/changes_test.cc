// Subscribers of a real server: under writers, kills and restarts; slow ones; history that is gone.
#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

json receive(Client& client) {
  const auto frame = client.receive();
  if (!frame) return {};
  return json::parse(*frame);
}

json ask(Client& client, json request) {
  request["payload_format"] = "json";
  client.send(request.dump());
  return receive(client);
}

// A connection that has subscribed; its events one by one.
class Subscriber {
 public:
  Subscriber(std::uint16_t port, json request, int receive_buffer = 0)
      : client_(port, receive_buffer) {
    request["op"] = "subscribe";
    const json first = ask(client_, request);
    if (first.is_null()) return;  // the server has gone: next() says so
    EXPECT_EQ(first["payload"]["event"], "subscribed") << first;
  }
  // Null when the server has gone.
  json next() {
    const json frame = receive(client_);
    if (frame.is_null()) return frame;
    EXPECT_EQ(frame["status"], "partial") << frame;
    return frame["payload"];
  }
  Client& client() { return client_; }

 private:
  Client client_;
};

json stats(Client& client) { return ask(client, {{"op", "server_stats"}})["payload"]; }

std::uint64_t sum(const json& server_stats, const char* name) {
  std::uint64_t all = 0;
  for (const json& lane : server_stats["lanes"]) all += lane[name].get<std::uint64_t>();
  return all;
}

// ---- under writers and kills
// ----------------------------------------------------------------------

// What was written: keys that were sent, and the LSNs of those that were acknowledged.
struct Ledger {
  std::mutex mutex;
  std::set<std::string> sent;
  std::map<std::uint64_t, std::string> acknowledged;
  std::uint64_t last() {
    const std::lock_guard lock(mutex);
    return acknowledged.empty() ? 0 : acknowledged.rbegin()->first;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return acknowledged.size();
  }
};

// Writes by every engine that takes one record a write, until the server is killed.
void write_until_killed(std::uint16_t port, const std::string& prefix, Ledger& ledger) {
  Client client(port);
  for (int i = 0;; ++i) {
    const std::string key = prefix + std::to_string(i);
    json request = {{"op", "point_put"}, {"document_id", key}, {"data", {{"n", i}}}};
    if (i % 3 == 1) request = {{"op", "vector_upsert"}, {"document_id", key}, {"vector", {i, 1}}};
    if (i % 3 == 2)
      request = {{"op", "edge_put"}, {"from_node", key}, {"to_node", "x"}, {"edge_type", "e"}};
    request["collection"] = i % 2 == 0 ? "even" : "odd";
    {
      const std::lock_guard lock(ledger.mutex);
      ledger.sent.insert(key);
    }
    const json answer = ask(client, request);
    if (answer.is_null()) return;
    ASSERT_EQ(answer["status"], "ok") << answer;
    const std::lock_guard lock(ledger.mutex);
    ledger.acknowledged[answer["payload"]["lsn"]] = key;
  }
}

using Seen = std::map<std::uint64_t, std::string>;

// Goes on where `seen` ends; every event must be behind the one before.
void read_until_killed(std::uint16_t port, Seen& seen) {
  std::uint64_t last = seen.empty() ? 0 : seen.rbegin()->first;
  Subscriber subscriber(port, {{"all_collections", true}, {"from_lsn", last + 1}});
  for (json event = subscriber.next(); !event.is_null(); event = subscriber.next()) {
    ASSERT_NE(event["event"], "gap") << event;
    ASSERT_GT(event["lsn"].get<std::uint64_t>(), last) << event;
    last = event["lsn"];
    seen[last] = event["key"];
  }
}

void check(const Ledger& ledger, const Seen& seen) {
  std::set<std::string> keys;
  for (const auto& [lsn, key] : seen) {
    EXPECT_TRUE(ledger.sent.contains(key)) << key;
    EXPECT_TRUE(keys.insert(key).second) << key << " is shown twice";
  }
  for (const auto& [lsn, key] : ledger.acknowledged) {
    const auto found = seen.find(lsn);
    ASSERT_NE(found, seen.end()) << "LSN " << lsn << " is missing";
    EXPECT_EQ(found->second, key);
  }
}

class ChangesKillTest : public testing::TestWithParam<std::uint32_t> {};

TEST_P(ChangesKillTest, ASubscriberThatComesBackSeesEveryWriteOnceInOrder) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  Ledger ledger;
  Seen seen;
  for (int round = 1; round <= 4; ++round) {
    ASSERT_TRUE(server.start()) << server.errors();
    const std::string name = "r" + std::to_string(round);
    std::vector<std::thread> threads;
    for (int w = 0; w < 3; ++w) {
      threads.emplace_back(write_until_killed, server.port(), name + "w" + std::to_string(w) + "-",
                           std::ref(ledger));
    }
    threads.emplace_back(read_until_killed, server.port(), std::ref(seen));
    while (ledger.count() < static_cast<std::size_t>(round) * 150) std::this_thread::yield();
    server.kill();
    for (std::thread& thread : threads) thread.join();
  }
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  const std::uint64_t end = stats(client)["durable_lsn"];
  Seen all;
  for (Seen* one : {&seen, &all}) {
    const std::uint64_t last = one->empty() ? 0 : one->rbegin()->first;
    if (last == end) continue;
    Subscriber subscriber(server.port(), {{"all_collections", true}, {"from_lsn", last + 1}});
    // One more write, so that the end is seen.
    const json written = ask(client, {{"op", "point_put"},
                                      {"document_id", one == &seen ? "end-of-seen" : "end-of-all"},
                                      {"data", json::object()}});
    ledger.sent.insert(one == &seen ? "end-of-seen" : "end-of-all");
    for (json event = subscriber.next();; event = subscriber.next()) {
      one->emplace(event["lsn"].get<std::uint64_t>(), event["key"].get<std::string>());
      if (event["lsn"] == written["payload"]["lsn"]) break;
    }
  }
  check(ledger, seen);
  check(ledger, all);
  for (const auto& [lsn, key] : seen) EXPECT_EQ(all[lsn], key);
  EXPECT_EQ(server.stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Lanes, ChangesKillTest, testing::Values(1u, 2u, 4u));

// ---- one server
// ------------------------------------------------------------------------------------

class ChangesTest : public testing::Test {
 protected:
  void start(const std::string& config = "", std::uint32_t lanes = 2) {
    server_ =
        std::make_unique<ServerProcess>(ServerProcess::Options{dir_.path(), lanes, config, "dev"});
    ASSERT_TRUE(server_->start()) << server_->errors();
    client_ = std::make_unique<Client>(server_->port());
  }
  // `count` documents of `bytes`; the LSN of the last.
  std::uint64_t write(int count, std::size_t bytes) {
    const json data = {{"f", std::string(bytes, 'f')}};
    for (int i = 0; i < count; ++i) {
      client_->send(json{
          {"op", "point_put"},
          {"document_id", std::to_string(written_++)},
          {"payload_format", "json"},
          {"data",
           data}}.dump());
    }
    // The newest LSN: over several lanes it need not be that of the last request.
    std::uint64_t newest = 0;
    for (int i = 0; i < count; ++i) {
      const json answer = receive(*client_);
      EXPECT_EQ(answer["status"], "ok") << answer;
      newest = std::max(newest, answer["payload"]["lsn"].get<std::uint64_t>());
    }
    return newest;
  }
  json stats() { return test::stats(*client_); }
  template <class Condition>
  json wait_for(const Condition& condition) {
    json now = stats();
    while (!condition(now)) now = stats();
    return now;
  }
  TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
  int written_ = 0;
};

TEST_F(ChangesTest, ASlowReaderIsNotBufferedInMemory) {
  // Of limits.h: what a connection may owe before its streams pause, and a part or two more.
  constexpr std::uint64_t kBound = 256 * 1024 + 2 * (64 + 70) * 1024;
  start();
  write(600, 64 * 1024);
  Subscriber slow(server_->port(), {{"from_lsn", 1}}, 4096);
  const auto is_paused_or_too_much = [&](const json& now) {
    return sum(now, "streams_paused") == 1 || sum(now, "unsent_bytes") > kBound;
  };
  EXPECT_LE(sum(wait_for(is_paused_or_too_much), "unsent_bytes"), kBound);
  // Others go on, and it does not become more.
  const std::uint64_t last = write(100, 64 * 1024);
  // (The system's own buffers may take a little more: it goes on for a part, and pauses again.)
  EXPECT_LE(sum(wait_for(is_paused_or_too_much), "unsent_bytes"), kBound);
  std::uint64_t count = 0;
  std::uint64_t before = 0;
  for (; before != last; ++count) {
    const json event = slow.next();
    ASSERT_EQ(event["event"], "put");
    ASSERT_GT(event["lsn"].get<std::uint64_t>(), before);
    EXPECT_TRUE(before == 0 || event["lsn"] == before + 1) << before << " then " << event["lsn"];
    before = event["lsn"];
  }
  EXPECT_EQ(count, 700u);
}

TEST_F(ChangesTest, HistoryIsKeptAsTheConfigurationSays) {
  start("[server]\nmemtable_mib = 1\n", 1);
  write(100, 64 * 1024);
  ASSERT_EQ(ask(*client_, {{"op", "checkpoint"}})["status"], "ok");
  EXPECT_EQ(stats()["oldest_lsn"], 1);
  Subscriber subscriber(server_->port(), {{"from_lsn", 1}, {"values", false}});
  for (int i = 0; i < 100; ++i) {
    const json event = subscriber.next();
    EXPECT_EQ(event["key"], std::to_string(i));
    EXPECT_FALSE(event.contains("value"));
  }
}

TEST_F(ChangesTest, HistoryThatIsGoneIsOneGapAlsoAfterAKill) {
  start("[server]\nmemtable_mib = 1\n[changes]\nretain_mib = 0\n", 2);
  const std::uint64_t last = write(200, 64 * 1024);
  ASSERT_EQ(ask(*client_, {{"op", "checkpoint"}})["status"], "ok");
  const auto is_trimmed = [](const json& now) { return now["oldest_lsn"] > 1; };
  wait_for(is_trimmed);
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t oldest = stats()["oldest_lsn"];
    ASSERT_LE(oldest, last);
    Subscriber subscriber(server_->port(), {{"from_lsn", 1}});
    EXPECT_EQ(subscriber.next(), (json{{"event", "gap"}, {"from", 1}, {"to", oldest - 1}}));
    for (std::uint64_t lsn = oldest; lsn <= last; ++lsn) EXPECT_EQ(subscriber.next()["lsn"], lsn);
    server_->kill();
    ASSERT_TRUE(server_->start()) << server_->errors();
    client_ = std::make_unique<Client>(server_->port());
  }
}

TEST_F(ChangesTest, ASlowReaderFallsIntoAGapAndGoesOnBehindIt) {
  start("[server]\nmemtable_mib = 1\n[changes]\nretain_s = 0\n", 1);
  Subscriber slow(server_->port(), {}, 4096);
  const std::uint64_t last = write(1500, 64 * 1024);
  ASSERT_EQ(ask(*client_, {{"op", "checkpoint"}})["status"], "ok");
  wait_for([](const json& now) { return now["oldest_lsn"] > 1; });
  std::uint64_t next = 0;  // the LSN that must come
  std::uint64_t gaps = 0;
  while (next <= last) {
    const json event = slow.next();
    if (event["event"] == "gap") {
      EXPECT_EQ(event["from"], next);
      next = event["to"].get<std::uint64_t>() + 1;
      ++gaps;
      continue;
    }
    if (next != 0) {
      ASSERT_EQ(event["lsn"], next);
    }
    next = event["lsn"].get<std::uint64_t>() + 1;
  }
  EXPECT_EQ(gaps, 1u);
}

TEST_F(ChangesTest, AClientThatGoesLeavesNothing) {
  start();
  auto gone = std::make_unique<Subscriber>(server_->port(), json::object());
  Subscriber half_gone(server_->port(), {});
  wait_for([](const json& now) { return sum(now, "streams") == 2; });
  gone->client().reset();
  half_gone.client().end_of_input();
  EXPECT_EQ(receive(half_gone.client())["error_code"], "cancelled");
  EXPECT_EQ(half_gone.client().receive(), std::nullopt);
  wait_for([](const json& now) { return sum(now, "streams") == 0; });
  EXPECT_EQ(server_->stop(), 0);
}

TEST_F(ChangesTest, AStopEndsSubscriptionsWithAnErrorThatSaysWhatToDo) {
  start();
  Subscriber subscriber(server_->port(), {});
  EXPECT_EQ(server_->stop(), 0);
  const json last = receive(subscriber.client());
  EXPECT_EQ(last["error_code"], "busy");
  EXPECT_EQ(last["retryable"], true);
}

}  // namespace
}  // namespace stator::test
