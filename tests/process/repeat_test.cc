// Writes under idempotency keys that are sent until they are answered, over kill -9 and changes of
// the number of lanes: each is carried out once, also where it concerns documents of every lane.
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

constexpr int kDocuments = 12;  // enough to lie on every lane
constexpr int kClients = 3;
constexpr int kRounds = 6;

// Client c counts in field "f<c>", in all documents at once or, as a batch, in some of them.
json write_of(int client, int number) {
  const std::string field = "f" + std::to_string(client);
  const std::string key = std::to_string(client) + "-" + std::to_string(number);
  if (number % 2 == 0) {
    return {{"op", "document_update_many"},
            {"filter", json::object()},
            {"inc", {{field, 1}}},
            {"idempotency_key", key},
            {"payload_format", "json"}};
  }
  json ops = json::array();
  for (int i = 0; i < kDocuments; ++i) {
    ops.push_back(
        {{"op", "point_update"}, {"document_id", "d" + std::to_string(i)}, {"inc", {{field, 1}}}});
  }
  return {{"op", "batch"}, {"ops", ops}, {"idempotency_key", key}, {"payload_format", "json"}};
}

// One after the other until the server is gone; `open` is the one without an answer.
void write_until_killed(std::uint16_t port, int id, int& open) {
  try {
    Client client(port);
    for (;;) {
      client.send(write_of(id, open).dump());
      const std::optional<std::string> answer = client.receive();
      if (!answer) return;
      const json parsed = json::parse(*answer);
      ASSERT_EQ(parsed["status"], "ok") << parsed;
      if (parsed["payload"].is_object()) {
        ASSERT_EQ(parsed["payload"]["affected"], kDocuments);
      }
      ++open;
    }
  } catch (const std::exception&) {
    return;  // the server was killed
  }
}

TEST(RepeatTest, EachKeyedWriteIsCarriedOutOnce) {
  TempDir dir;
  ServerProcess server({dir.path(), 2, "[server]\nmemtable_mib = 1\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  {
    Client client(server.port());
    json fields;
    for (int c = 0; c < kClients; ++c) fields["f" + std::to_string(c)] = 0;
    json documents = json::array();
    for (int i = 0; i < kDocuments; ++i)
      documents.push_back({{"document_id", "d" + std::to_string(i)}, {"data", fields}});
    client.send(json{{"op", "document_batch_insert"}, {"documents", documents}}.dump());
    ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
  }
  int open[kClients] = {};
  for (int round = 0; round < kRounds; ++round) {
    const int before = open[0] + open[1] + open[2];
    std::vector<std::thread> clients;
    for (int c = 0; c < kClients; ++c)
      clients.emplace_back([&, c] { write_until_killed(server.port(), c, open[c]); });
    const int enough = before + 60;
    for (Client probe(server.port());;) {
      probe.send(R"({"op":"point_get","document_id":"d0","payload_format":"json"})");
      const json seen = json::parse(*probe.receive())["payload"];
      if (seen["f0"].get<int>() + seen["f1"].get<int>() + seen["f2"].get<int>() >= enough) break;
    }
    server.kill();
    for (std::thread& client : clients) client.join();
    ASSERT_FALSE(HasFailure());
    server.set_lanes(1 + static_cast<std::uint32_t>(round % 3));
    ASSERT_TRUE(server.start()) << server.errors();
  }
  // What the last kill left without an answer, and once more.
  Client client(server.port());
  for (int c = 0; c < kClients; ++c) {
    for (int twice = 0; twice < 2; ++twice) {
      client.send(write_of(c, open[c]).dump());
      ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
    }
    for (int i = 0; i < kDocuments; ++i) {
      client.send(json{
          {"op", "point_get"}, {"document_id", "d" + std::to_string(i)}, {"payload_format", "json"}}
                      .dump());
      const json answer = json::parse(*client.receive());
      ASSERT_EQ(answer["payload"]["f" + std::to_string(c)], open[c] + 1) << "d" << i;
    }
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

// Sent at once with a write of all lanes under a key: what is behind it finds what it wrote.
TEST(RepeatTest, WhatAConnectionSendsBehindAKeyedWriteFindsItCarriedOut) {
  TempDir dir;
  ServerProcess server({dir.path(), 2, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  json documents = json::array();
  for (int i = 0; i < kDocuments; ++i)
    documents.push_back({{"document_id", "d" + std::to_string(i)}, {"data", {{"n", 0}}}});
  std::string frames = framed(
      json{{"op", "document_batch_insert"}, {"documents", documents}, {"idempotency_key", "first"}}
          .dump());
  for (int i = 0; i < kDocuments; ++i)
    frames += framed(
        json{{"op", "point_update"}, {"document_id", "d" + std::to_string(i)}, {"inc", {{"n", 1}}}}
            .dump());
  client.send_raw(frames);
  for (int i = 0; i <= kDocuments; ++i) {
    const json answer = json::parse(*client.receive());
    EXPECT_EQ(answer["status"], "ok") << i << answer;
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

}  // namespace
}  // namespace stator::test
