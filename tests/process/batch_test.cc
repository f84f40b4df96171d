// Atomic batches over several lanes of the real server: nobody ever sees a part of one, concurrent
// batches do not block each other for ever, and kill -9 leaves all or nothing.
#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

constexpr int kDocuments = 12;  // enough to lie on every lane

json request_of(const json& ops) { return {{"op", "batch"}, {"payload_format", "json"}, {"ops", ops}}; }

std::string id(int document) { return "d" + std::to_string(document); }

// Every document gets the same value, in an order of its own.
json write_all(int value, std::mt19937& random) {
  std::vector<int> order(kDocuments);
  for (int i = 0; i < kDocuments; ++i) order[static_cast<std::size_t>(i)] = i;
  std::shuffle(order.begin(), order.end(), random);
  json ops = json::array();
  for (const int i : order) {
    ops.push_back({{"op", "point_put"}, {"document_id", id(i)}, {"data", {{"v", value}}}});
  }
  return request_of(ops);
}

json read_all() {
  json ops = json::array();
  for (int i = 0; i < kDocuments; ++i) ops.push_back({{"op", "point_get"}, {"document_id", id(i)}});
  return request_of(ops);
}

// The one value that all documents have; -1: they have none; -2: they differ.
int value_of(const json& answer) {
  if (answer["status"] == "error" && answer["error_code"] == "not_found") return -1;
  EXPECT_EQ(answer["status"], "ok") << answer;
  if (answer["status"] != "ok") return -2;
  const int first = answer["payload"][0]["payload"]["v"];
  for (const json& item : answer["payload"]) {
    if (item["payload"]["v"] != first) return -2;
  }
  return first;
}

class BatchTest : public testing::TestWithParam<unsigned> {};

TEST_P(BatchTest, IsSeenAsAWholeByEveryReaderAndSurvivesAKillAsAWhole) {
  constexpr int kWriters = 3;
  constexpr int kRounds = 5;
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "[server]\nmemtable_mib = 1\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  std::atomic<int> next{0};
  int seen_before = -1;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> acknowledged{0};
    std::atomic<bool> is_torn{false};
    std::vector<std::thread> clients;
    for (int writer = 0; writer < kWriters; ++writer) {
      clients.emplace_back([&, seed = static_cast<unsigned>(round * 100 + writer)] {
        std::mt19937 random(seed);
        Client client(server.port());
        for (;;) {
          try {
            client.send(write_all(++next, random).dump());
            const auto answer = client.receive();
            if (!answer) return;
            if (json::parse(*answer)["status"] == "ok") ++acknowledged;
          } catch (const std::exception&) {
            return;  // the server was killed
          }
        }
      });
    }
    clients.emplace_back([&] {
      Client client(server.port());
      const std::string request = read_all().dump();
      try {
        for (;;) {
          client.send(request);
          const auto answer = client.receive();
          if (!answer) return;
          if (value_of(json::parse(*answer)) == -2) is_torn = true;
        }
      } catch (const std::exception&) {
        return;
      }
    });
    while (acknowledged < 40) std::this_thread::yield();
    server.kill();
    for (std::thread& client : clients) client.join();
    EXPECT_FALSE(is_torn) << "a reader saw a part of a batch";
    ASSERT_TRUE(server.start()) << server.errors();
    const int value = value_of(json::parse(Client(server.port()).ask(read_all().dump())));
    ASSERT_GE(value, 0) << "after a kill there is a part of a batch";
    ASSERT_NE(value, seen_before) << "acknowledged batches are gone";
    seen_before = value;
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

TEST_P(BatchTest, ThatIsRefusedLetsItsLanesGoOn) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  for (int i = 0; i < kDocuments; ++i) {
    json ops = json::array();
    for (int j = 0; j < kDocuments; ++j) {
      ops.push_back({{"op", j == i ? "point_get" : "point_put"}, {"document_id", id(j)}, {"data", json::object()}});
    }
    const json answer = json::parse(client.ask(request_of(ops).dump()));
    ASSERT_EQ(answer["error_code"], "not_found") << answer;
    ASSERT_EQ(answer["field"], "ops[" + std::to_string(i) + "].document_id");
  }
  for (int i = 0; i < kDocuments; ++i) {
    const json got = json::parse(client.ask(json{{"op", "point_get"}, {"document_id", id(i)}}.dump()));
    ASSERT_EQ(got["error_code"], "not_found") << got;
  }
  EXPECT_EQ(server.stop(), 0);
}

// Pipelined requests of one connection keep their order around a batch that holds their lane.
TEST_P(BatchTest, KeepsTheOrderOfItsConnection) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  std::mt19937 random(3);
  constexpr int kTurns = 30;
  for (int turn = 0; turn < kTurns; ++turn) {
    client.send(json{{"op", "point_put"}, {"document_id", id(0)}, {"data", {{"v", -turn}}}}.dump());
    client.send(write_all(turn, random).dump());
    client.send(json{{"op", "point_get"}, {"document_id", id(0)}, {"payload_format", "json"}}.dump());
  }
  for (int turn = 0; turn < kTurns; ++turn) {
    ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
    ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
    ASSERT_EQ(json::parse(*client.receive())["payload"]["v"], turn);
  }
  EXPECT_EQ(server.stop(), 0);
}

// What each request answers is of its own record: a client goes on from it.
TEST_P(BatchTest, EachAnswerHasItsOwnLsnAlsoWhenItIsRepeated) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  const json before = must(client, {{"op", "server_stats"}});
  const std::uint64_t first = before["durable_lsn"].get<std::uint64_t>() + 1;
  json ops = json::array({{{"op", "point_delete"}, {"document_id", "absent"}}});
  for (int i = 0; i < kDocuments; ++i) {
    ops.push_back({{"op", "point_put"}, {"document_id", id(i)}, {"data", {{"v", 1}}}});
  }
  json request = request_of(ops);
  request["idempotency_key"] = "k";
  const json answers = must(client, request);
  EXPECT_EQ(answers[0]["payload"]["lsn"], 0) << "nothing was written";
  std::set<std::uint64_t> lsns;
  for (int i = 0; i < kDocuments; ++i) {
    const json& lsn = answers[static_cast<std::size_t>(i) + 1]["payload"]["lsn"];
    lsns.insert(lsn.get<std::uint64_t>());
    must(client,
         {{"op", "point_put"}, {"document_id", id(i)}, {"if_lsn", lsn}, {"data", {{"v", 2}}}});
  }
  EXPECT_EQ(lsns.size(), std::size_t{kDocuments});
  EXPECT_GE(*lsns.begin(), first);
  EXPECT_LT(*lsns.rbegin(), first + kDocuments + 1);
  EXPECT_EQ(must(client, request), answers);
  server.kill();
  ASSERT_TRUE(server.start()) << server.errors();
  Client again(server.port());
  EXPECT_EQ(must(again, request), answers);
}

INSTANTIATE_TEST_SUITE_P(Lanes, BatchTest, testing::Values(1u, 2u, 4u));

}  // namespace
}  // namespace stator::test
