// Each number of server_stats moves when what it counts moves, and by as much.
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

class ServerStatsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()) << server_.errors(); }
  json ask(json request) {
    request["payload_format"] = "json";
    return json::parse(client().ask(request.dump()));
  }
  Client& client() {
    if (client_ == nullptr) client_ = std::make_unique<Client>(server_.port());
    return *client_;
  }
  json stats() {
    const json answer = ask({{"op", "server_stats"}});
    EXPECT_EQ(answer["status"], "ok") << answer;
    return answer["payload"];
  }
  json lane() { return stats()["lanes"][0]; }
  // Asks until it is so; the test's time limit is the limit.
  template <class Condition>
  json wait_for(const Condition& condition) {
    json now = stats();
    while (!condition(now)) now = stats();
    return now;
  }
  json put(const std::string& document, std::size_t bytes = 10) {
    return ask({{"op", "point_put"},
                {"document_id", document},
                {"data", {{"f", std::string(bytes, 'f')}}}});
  }
  void kill_and_start() {
    client_.reset();
    server_.kill();
    ASSERT_TRUE(server_.start()) << server_.errors();
  }
  TempDir dir_;
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
  std::unique_ptr<Client> client_;
};

TEST_F(ServerStatsTest, EachReadThatMayTakeLongRunsInSlices) {
  const json vector = {0.5, 0.5};
  put("d");
  ask({{"op", "index_create"}, {"name", "f"}, {"path", "f"}});
  ask({{"op", "vector_upsert"}, {"document_id", "v"}, {"vector", vector}});
  ask({{"op", "edge_put"}, {"from_node", "a"}, {"edge_type", "x"}, {"to_node", "b"}});
  const std::vector<json> reads = {
      {{"op", "document_scan"}},
      {{"op", "document_count"}},
      {{"op", "document_aggregate"}, {"aggs", {{"n", {{"count", "*"}}}}}},
      {{"op", "range_scan"}, {"field", "f"}},
      {{"op", "index_lookup"}, {"name", "f"}, {"value", "x"}},
      {{"op", "vector_search"}, {"query_vector", vector}},
      {{"op", "graph_hop"}, {"start_nodes", {"a"}}},
      {{"op", "graph_path"}, {"src", "a"}, {"dst", "b"}},
      {{"op", "graph_rag_fusion"}, {"query_vector", vector}}};
  for (const json& read : reads) {
    const std::uint64_t before = lane()["slices"];
    const json answer = ask(read);
    EXPECT_EQ(answer["status"], "ok") << answer;
    EXPECT_GT(lane()["slices"], before) << read;
  }
  const std::uint64_t before = lane()["slices"];
  EXPECT_EQ(ask({{"op", "point_get"}, {"document_id", "d"}})["status"], "ok");
  EXPECT_EQ(lane()["slices"], before) << "it takes no time";
  EXPECT_EQ(lane()["long_reads"], 0);
}

TEST_F(ServerStatsTest, LsnsFollowTheWrites) {
  const json before = stats();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(put("d")["status"], "ok");
  const json after = stats();
  EXPECT_EQ(after["durable_lsn"], before["durable_lsn"].get<int>() + 3);
  EXPECT_EQ(after["last_lsn"], before["last_lsn"].get<int>() + 3);
  EXPECT_EQ(after["log"], "ok");
}

TEST_F(ServerStatsTest, RequestsAndErrorsAreCounted) {
  const json before = lane();
  for (int i = 0; i < 5; ++i) ask({{"op", "ping"}});
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(ask({{"op", "point_get"}, {"document_id", "none"}})["error_code"], "not_found");
  EXPECT_EQ(ask({{"op", "no_such_op"}})["error_code"], "unknown_op");
  const json after = lane();
  EXPECT_EQ(after["requests"], before["requests"].get<int>() + 5 + 2 + 1 + 1)
      << "and the first server_stats";
  EXPECT_EQ(after["errors"], before["errors"].get<int>() + 3);
}

TEST_F(ServerStatsTest, ConnectionsComeAndGo) {
  EXPECT_EQ(stats()["connections"], 1);
  std::vector<std::unique_ptr<Client>> more;
  for (int i = 0; i < 4; ++i) {
    more.push_back(std::make_unique<Client>(server_.port()));
    more.back()->ask(R"({"op":"ping"})");
  }
  EXPECT_EQ(stats()["connections"], 5);
  EXPECT_EQ(lane()["connections"], 5);
  more.clear();
  wait_for([](const json& now) { return now["connections"] == 1; });
}

TEST_F(ServerStatsTest, TheTimeGoesOn) {
  const std::uint64_t first = stats()["uptime_ms"];
  wait_for([&](const json& now) { return now["uptime_ms"] > first; });
}

TEST_F(ServerStatsTest, EnginesAndVersionAreThoseOfDescribe) {
  const json described = ask({{"op", "describe"}})["payload"];
  const json now = stats();
  EXPECT_EQ(now["version"], described["server"]["version"]);
  ASSERT_EQ(now["engines"].size(), described["engines"].size());
  for (std::size_t i = 0; i < now["engines"].size(); ++i) {
    EXPECT_EQ(now["engines"][i]["id"], described["engines"][i]["id"]);
    EXPECT_EQ(now["engines"][i]["version"], described["engines"][i]["version"]);
  }
}

TEST_F(ServerStatsTest, WaitingRequestsAreCounted) {
  EXPECT_EQ(lane()["waiting"], 0);
  Client patient(server_.port());
  patient.send(
      R"({"op":"point_get","document_id":"d","min_lsn":1000000,"deadline_ms":600000,"id":"w"})");
  wait_for([](const json& now) { return now["lanes"][0]["waiting"] == 1; });
}

// The checkpoint of 20 MB takes many times as long as a server_stats.
TEST_F(ServerStatsTest, ACheckpointIsSeenWhileItRunsAndEmptiesTheMemtable) {
  const std::uint64_t empty = lane()["memtable_bytes"];
  for (int i = 0; i < 20; ++i) ASSERT_EQ(put("d" + std::to_string(i), 1 << 20)["status"], "ok");
  const json full = stats();
  EXPECT_GT(full["lanes"][0]["memtable_bytes"], empty + (20u << 20));
  EXPECT_FALSE(full["lanes"][0]["checkpoint_running"]);
  Client operate(server_.port());
  operate.send(R"({"op":"checkpoint","payload_format":"json"})");
  wait_for([](const json& now) {
    return now["lanes"][0]["checkpoint_running"] && now["lanes"][0]["waiting"] == 1;
  });
  const json done = json::parse(*operate.receive());
  EXPECT_EQ(done["payload"]["lsn"], full["durable_lsn"]);
  const json after = lane();
  EXPECT_EQ(after["applied_lsn"], full["durable_lsn"]);
  EXPECT_GT(after["applied_lsn"], full["lanes"][0]["applied_lsn"]);
  EXPECT_LT(after["memtable_bytes"], 1u << 20);
  EXPECT_FALSE(after["checkpoint_running"]);
  EXPECT_EQ(after["waiting"], 0);
}

TEST_F(ServerStatsTest, AfterACheckpointAKillCostsNoReplay) {
  for (int i = 0; i < 10; ++i) put("d" + std::to_string(i));
  kill_and_start();
  EXPECT_GE(json::parse(server_.ready_line())["replayed"], 10);
  EXPECT_GE(lane()["replayed"], 10);
  for (int i = 0; i < 10; ++i) put("e" + std::to_string(i));
  const json done = ask({{"op", "checkpoint"}});
  EXPECT_EQ(done["payload"]["lsn"], done["watermark_lsn"]);
  kill_and_start();
  const json ready = json::parse(server_.ready_line());
  EXPECT_EQ(ready["replayed"], 0);
  EXPECT_EQ(ready["recovered_lsn"], done["watermark_lsn"]);
  EXPECT_EQ(lane()["replayed"], 0);
  EXPECT_EQ(ask({{"op", "point_get"}, {"document_id", "d3"}})["status"], "ok");
  EXPECT_EQ(ask({{"op", "point_get"}, {"document_id", "e3"}})["status"], "ok");
}

// Idle lanes advance too: the answer is at least the watermark of the request.
TEST(CheckpointOpTest, CoversEveryLane) {
  TempDir dir;
  ServerProcess server({dir.path(), 3, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  json put;
  for (int i = 0; i < 5; ++i) {
    put = json::parse(
        client.ask(R"({"op":"point_put","document_id":"one","data":{},"payload_format":"json"})"));
  }
  const json done = json::parse(client.ask(R"({"op":"checkpoint","payload_format":"json"})"));
  EXPECT_GE(done["payload"]["lsn"], put["watermark_lsn"]);
  const json stats =
      json::parse(client.ask(R"({"op":"server_stats","payload_format":"json"})"))["payload"];
  ASSERT_EQ(stats["lanes"].size(), 3u);
  for (const json& lane : stats["lanes"]) EXPECT_GE(lane["applied_lsn"], done["payload"]["lsn"]);
}

}  // namespace
}  // namespace stator::test
