// Work of the document engine on the real server: indexes are built while clients write and the
// server is killed, and what is over goes although it is killed.
#include <atomic>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

constexpr int kDocuments = 6000;
constexpr int kWriters = 3;
constexpr int kValues = 50;

json ask(Client& client, json request) {
  request["payload_format"] = "json";
  return json::parse(client.ask(request.dump()));
}

json document(int number, int value) { return {{"n", value}, {"u", number}}; }

void load(Client& client) {
  for (int from = 0; from < kDocuments; from += 2000) {
    json rows = json::array();
    for (int i = from; i < from + 2000; ++i) {
      rows.push_back(
          {{"document_id", "d" + std::to_string(i)}, {"data", document(i, i % kValues)}});
    }
    const json answer = ask(client, {{"op", "document_batch_insert"}, {"documents", rows}});
    ASSERT_EQ(answer["status"], "ok") << answer;
  }
}

json listed(Client& client, const std::string& name) {
  const json answer = ask(client, {{"op", "index_list"}});
  for (const json& index : answer["payload"]["indexes"]) {
    if (index["name"] == name) return index;
  }
  return {};
}

// Each round trip lets the lanes work.
void wait_until_ready(Client& client, const std::string& name) {
  json index;
  do {
    index = listed(client, name);
    ASSERT_EQ(index.count("state"), 1u) << "it is lost";
    ASSERT_NE(index["state"], "failed") << index;
  } while (index["state"] != "ready");
}

// What the index finds is what the documents hold.
void expect_index_of_documents(Client& client) {
  const json explained =
      ask(client, {{"op", "document_scan"}, {"filter", {{"n", 1}}}, {"explain", true}});
  EXPECT_EQ(explained["payload"]["index"], "n") << explained;
  const json rows = ask(client, {{"op", "document_scan"}, {"limit", 10000}})["payload"]["rows"];
  std::map<int, std::map<std::string, bool>> expected;
  for (const json& row : rows) expected[row["data"]["n"]][row["document_id"]] = true;
  for (int value = 0; value < kValues + 1; ++value) {
    const json found =
        ask(client, {{"op", "index_lookup"}, {"name", "n"}, {"value", value}, {"limit", 10000}});
    std::map<std::string, bool> ids;
    for (const json& row : found["payload"]["rows"]) ids[row["document_id"]] = true;
    EXPECT_EQ(ids, expected[value]) << value;
  }
  const json all = ask(client, {{"op", "range_scan"}, {"field", "n"}, {"limit", 10000}});
  EXPECT_EQ(all["payload"]["indexed"], true);
  EXPECT_EQ(all["payload"]["rows"].size(), rows.size());
}

class IndexBuildProcessTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Lanes, IndexBuildProcessTest, testing::Values(1u, 2u, 3u));

TEST_P(IndexBuildProcessTest, IsBuiltWhileClientsWriteAndTheServerIsKilled) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "[server]\nmemtable_mib = 1\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  {
    Client client(server.port());
    load(client);
  }
  for (int round = 0; round < 4; ++round) {
    std::atomic<int> written{0};
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, seed = static_cast<unsigned>(round * 100 + writer)] {
        std::mt19937 random(seed);
        try {
          Client client(server.port());
          for (;;) {
            const int number = static_cast<int>(random() % (kDocuments + 1000));
            const json request = {{"op", random() % 8 == 0 ? "point_delete" : "point_put"},
                                  {"document_id", "d" + std::to_string(number)},
                                  {"data", document(number, static_cast<int>(random() % kValues))}};
            const json answer = ask(client, request);
            EXPECT_EQ(answer["status"], "ok") << answer;
            ++written;
          }
        } catch (const std::exception&) {  // the server is gone
        }
      });
    }
    {
      Client client(server.port());
      ask(client, {{"op", "index_drop"}, {"name", "n"}});
      ask(client, {{"op", "index_drop"}, {"name", "u"}});
      for (const char* path : {"n", "u"}) {
        const json begun = ask(client, {{"op", "index_create"},
                                        {"path", path},
                                        {"wait", false},
                                        {"kind", path[0] == 'u' ? "unique" : "typed"}});
        EXPECT_EQ(begun["status"], "ok") << begun;
      }
      const int enough = written.load() + 20 * (round + 1);
      while (written.load() < enough) std::this_thread::yield();
    }
    server.kill();
    for (std::thread& writer : writers) writer.join();
    ASSERT_TRUE(server.start()) << server.errors();
    Client client(server.port());
    wait_until_ready(client, "n");
    wait_until_ready(client, "u");
    expect_index_of_documents(client);
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

std::uint64_t now_ms() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

// A value of a unique index is free again when the document that had it is removed.
TEST_P(IndexBuildProcessTest, WhatIsOverGoesAlsoWhenTheServerIsKilledBefore) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  const auto put = [&](Client& client, const std::string& id, int value, std::uint64_t at) {
    return ask(
        client,
        {{"op", "point_put"}, {"document_id", id}, {"data", {{"u", value}, {"at", at}}}})["status"];
  };
  std::uint64_t over_at = 0;
  {
    Client client(server.port());
    ASSERT_EQ(ask(client, {{"op", "index_create"}, {"path", "u"}, {"kind", "unique"}})["status"],
              "ok");
    ASSERT_EQ(ask(client, {{"op", "index_create"}, {"path", "at"}, {"kind", "ttl"}})["status"],
              "ok");
    over_at = now_ms() + 300;
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(put(client, "a" + std::to_string(i), i, over_at), "ok");
    }
  }
  server.kill();
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  for (int i = 0; i < 100; ++i) {
    const std::string id = "b" + std::to_string(i);
    while (put(client, id, i, over_at + 1'000'000'000) != "ok") continue;
    EXPECT_GE(now_ms(), over_at) << "it went before its time";
  }
  EXPECT_EQ(ask(client, {{"op", "document_count"}})["payload"]["count"], 100);
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

}  // namespace
}  // namespace stator::test
