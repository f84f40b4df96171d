// Unique indexes of the real server: clients that race for the same values on every way to write,
// kill -9 at any moment, and what is claimed afterwards is what a new index would claim.
#include <atomic>
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

constexpr int kDocuments = 40;
constexpr int kValues = 30;
constexpr int kWriters = 4;

json ask(Client& client, json request) {
  request["payload_format"] = "json";
  return json::parse(client.ask(request.dump()));
}

// One random write; often of a value that another document has.
json random_write(std::mt19937& random) {
  const auto below = [&](int end) {
    return static_cast<int>(random() % static_cast<unsigned>(end));
  };
  const auto id = [&] { return "d" + std::to_string(below(kDocuments)); };
  const auto data = [&] { return json{{"u", below(kValues)}, {"v", below(4)}}; };
  const auto put = [&] {
    return json{{"op", "point_put"}, {"document_id", id()}, {"data", data()}};
  };
  switch (below(8)) {
    case 0:
      return {{"op", "point_delete"}, {"document_id", id()}};
    case 1:
      return {{"op", "document_upsert"}, {"document_id", id()}, {"data", data()}};
    case 2: {
      json rows = json::array();
      for (int i = 0; i < 4; ++i) rows.push_back({{"document_id", id()}, {"data", data()}});
      return {{"op", "document_batch_insert"}, {"documents", rows}, {"on_conflict", "replace"}};
    }
    case 3: {
      json ops = json::array();
      const int first = below(kDocuments);
      for (int i = 0; i < 3; ++i) {
        json op = put();
        op["document_id"] = "d" + std::to_string((first + i) % kDocuments);
        ops.push_back(op);
      }
      return {{"op", "batch"}, {"ops", ops}};
    }
    case 4:
      return {
          {"op", "document_update_many"}, {"filter", {{"v", below(4)}}}, {"inc", {{"u", kValues}}}};
    case 5:
      return {{"op", "document_delete_many"}, {"filter", {{"u", {{"gte", kValues}}}}}};
    default:
      return put();
  }
}

json sums(Client& client) {
  json lanes = ask(client, {{"op", "digest"}})["payload"];
  lanes.erase("lsn");
  return lanes;
}

// No two documents have one value, none is refused its own, and what is claimed is what a new index
// over the documents claims.
void expect_claims_of_documents(Client& client) {
  const json rows = ask(client, {{"op", "document_scan"}, {"limit", 1000}})["payload"]["rows"];
  std::map<json, json> owner;
  for (const json& row : rows) {
    if (!row["data"].contains("u")) continue;
    EXPECT_TRUE(owner.emplace(row["data"]["u"], row["document_id"]).second)
        << row << " and " << owner[row["data"]["u"]];
  }
  for (const auto& [value, id] : owner) {
    const json refused =
        ask(client, {{"op", "point_put"}, {"document_id", "new"}, {"data", {{"u", value}}}});
    EXPECT_EQ(refused["error_code"], "unique_violation") << value << " of " << id << refused;
  }
  const json before = sums(client);
  ASSERT_EQ(ask(client, {{"op", "index_drop"}, {"name", "u"}})["payload"]["existed"], true);
  EXPECT_NE(sums(client), before) << "claims are in the digest";
  const json made = ask(client, {{"op", "index_create"}, {"path", "u"}, {"kind", "unique"}});
  ASSERT_EQ(made["status"], "ok") << made;
  EXPECT_EQ(sums(client), before) << "claims are not those of a rebuild";
}

void make_unique(Client& client) {
  ASSERT_EQ(ask(client, {{"op", "index_create"}, {"path", "u"}, {"kind", "unique"}})["status"],
            "ok");
}

class UniqueIndexProcessTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Lanes, UniqueIndexProcessTest, testing::Values(1u, 2u, 3u));

TEST_P(UniqueIndexProcessTest, HoldsUnderRacesAndKills) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "[server]\nmemtable_mib = 1\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  {
    Client client(server.port());
    make_unique(client);
  }
  for (int round = 0; round < 6; ++round) {
    std::atomic<int> written{0};
    std::atomic<int> refused{0};
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, seed = static_cast<unsigned>(round * 100 + writer)] {
        std::mt19937 random(seed);
        try {
          Client client(server.port());
          for (;;) {
            const json answer = ask(client, random_write(random));
            if (answer["status"] == "ok") ++written;
            if (answer["status"] != "ok") {
              ++refused;
              EXPECT_EQ(answer["error_code"], "unique_violation") << answer;
            }
          }
        } catch (const std::exception&) {
          return;  // the server was killed
        }
      });
    }
    while (written < 400 || refused < 50) std::this_thread::yield();
    server.kill();
    for (std::thread& writer : writers) writer.join();
    ASSERT_TRUE(server.start()) << server.errors();
    Client client(server.port());
    expect_claims_of_documents(client);
    if (HasFailure()) return;
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

// What one connection sends about one document is carried out in its order, also where a write has
// to ask another lane.
TEST_P(UniqueIndexProcessTest, KeepsTheOrderOfAConnection) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  // Sent in one go with what needs it.
  client.send(R"({"op":"index_create","path":"u","kind":"unique"})");
  constexpr int kWrites = 300;
  for (int i = 0; i < kWrites; ++i) {
    const std::string id = "d" + std::to_string(i % 3);
    client.send(json{{"op", "point_put"}, {"document_id", id}, {"data", {{"u", i}}}}.dump());
    client.send(json{{"op", "point_get"}, {"document_id", id}, {"payload_format", "json"}}.dump());
    if (i % 10 != 0) continue;
    client.send(json{{"op", "batch"},
                     {"payload_format", "json"},
                     {"ops",
                      {{{"op", "point_get"}, {"document_id", id}},
                       {{"op", "point_get"}, {"document_id", "d0"}}}}}
                    .dump());
  }
  ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
  for (int i = 0; i < kWrites; ++i) {
    ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
    ASSERT_EQ(json::parse(*client.receive())["payload"]["u"], i);
    if (i % 10 != 0) continue;
    const json read = json::parse(*client.receive());
    ASSERT_EQ(read["status"], "ok") << read;
    ASSERT_EQ(read["payload"][0]["payload"]["u"], i);
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

json batch_of_unique(const std::string& id, int value) {
  return {
      {"op", "batch"},
      {"ops",
       {{{"op", "point_put"}, {"document_id", id}, {"collection", "plain"}, {"data", {{"n", 1}}}},
        {{"op", "point_put"}, {"document_id", id}, {"data", {{"u", value}}}}}}};
}

// The later one is a round from the start, because it has a key; the earlier one finds on its lane
// that it needs one.
TEST_P(UniqueIndexProcessTest, ALaterRoundWaitsForAnEarlierOneOfItsConnection) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  make_unique(client);
  for (int i = 0; i < 100; ++i) {
    const std::string id = "d" + std::to_string(i);
    json rows = {{{"document_id", id}, {"data", {{"n", 2}}}}};
    for (int n = 0; n < 5; ++n) {
      rows.push_back({{"document_id", id + "-" + std::to_string(n)}, {"data", {{"n", 2}}}});
    }
    client.send(batch_of_unique(id, i).dump());
    client.send(json{
        {"op", "document_batch_insert"},
        {"collection", "plain"},
        {"on_conflict", "replace"},
        {"idempotency_key", id},
        {"documents",
         rows}}.dump());
    ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
    ASSERT_EQ(json::parse(*client.receive())["status"], "ok");
    const json stored =
        ask(client, {{"op", "point_get"}, {"collection", "plain"}, {"document_id", id}});
    ASSERT_EQ(stored["payload"]["n"], 2) << "the earlier request was carried out last";
  }
}

TEST_P(UniqueIndexProcessTest, RequestsOfABatchThatIsNotAtomicAreCarriedOutInTheirOrder) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  make_unique(client);
  for (int i = 0; i < 100; ++i) {
    const std::string id = "d" + std::to_string(i);
    const auto put = [&](int n) {
      return json{{"op", "point_put"}, {"document_id", id}, {"data", {{"u", i * 10 + n}}}};
    };
    const json answer =
        ask(client, {{"op", "batch"}, {"atomic", false}, {"ops", {put(1), put(2), put(3)}}});
    ASSERT_EQ(answer["status"], "ok") << answer;
    const json stored = ask(client, {{"op", "point_get"}, {"document_id", id}});
    ASSERT_EQ(stored["payload"]["u"], i * 10 + 3) << "an earlier one was carried out last";
  }
}

// Each needs the lane on which the other one stands.
TEST_P(UniqueIndexProcessTest, RoundsOfOneConnectionDoNotWaitForEachOther) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  make_unique(client);
  constexpr int kBatches = 400;
  constexpr int kAtOnce = 8;
  for (int i = 0; i < kBatches; i += kAtOnce) {
    for (int n = i; n < i + kAtOnce; ++n)
      client.send(batch_of_unique("d" + std::to_string(n), n).dump());
    for (int n = i; n < i + kAtOnce; ++n) {
      const json answer = json::parse(*client.receive());
      ASSERT_EQ(answer["status"], "ok") << answer;
    }
  }
}

// The lanes' definitions agree after whatever races: an index is on all lanes or on none.
TEST_P(UniqueIndexProcessTest, IsMadeAndDroppedOnAllLanesAtOnce) {
  TempDir dir;
  ServerProcess server({dir.path(), GetParam(), "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&, i] {
      Client client(server.port());
      std::mt19937 random(static_cast<unsigned>(i));
      for (int n = 0; n < 150; ++n) {
        const bool is_drop = i != 2 && random() % 2 == 0;
        json request = is_drop ? json{{"op", "index_drop"}, {"name", "u"}}
                               : json{{"op", "index_create"}, {"path", "u"}, {"kind", "unique"}};
        if (i == 2) request = random_write(random);
        const json answer = ask(client, request);
        if (answer["status"] == "ok") continue;
        // The index is being dropped, or was while somebody waited for it.
        const bool is_dropped =
            request["op"] == "index_create" &&
            (answer["error_code"] == "conflict_retry" || answer["error_code"] == "not_found");
        EXPECT_TRUE(is_dropped || answer["error_code"] == "unique_violation") << answer;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  Client client(server.port());
  ask(client, {{"op", "index_drop"}, {"name", "u"}});
  ask(client, {{"op", "document_truncate"}});
  ASSERT_EQ(ask(client,
                {{"op", "index_create"}, {"path", "u"}, {"kind", "unique"}})["payload"]["created"],
            true);
  for (int i = 0; i < kValues * 3; ++i) {
    const json put =
        ask(client,
            {{"op", "point_put"}, {"document_id", "x" + std::to_string(i)}, {"data", {{"u", i}}}});
    ASSERT_EQ(put["status"], "ok") << put << ": a claim was left behind";
  }
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

}  // namespace
}  // namespace stator::test
