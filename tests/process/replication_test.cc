// What one node must be able to do so that a replicated log can be put under it: the log alone makes the
// state, the state has a digest, what only this server has can be forgotten, a vShard can move.
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json ask(Client& client, json request) {
  request["payload_format"] = "json";
  return json::parse(client.ask(request.dump()));
}

std::string base64(const std::string& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text.push_back(i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63]);
    }
  }
  return text;
}

// Of Yjs: getMap('m').set('a', value), by a client of its own.
std::string yjs_update(unsigned client, unsigned value) {
  std::string bytes("\x01\x01\x01\x00\x28\x01\x01m\x01"
                    "a\x01\x7d\x01\x00",
                    14);
  bytes[2] = static_cast<char>(client);
  bytes[12] = static_cast<char>(value);
  return base64(bytes);
}

// Writes of every engine, from a seed.
class Workload {
 public:
  explicit Workload(unsigned seed) : seed_(seed), random_(seed) {}

  void run(Client& client, unsigned writes) {
    for (unsigned i = 0; i < writes; ++i) {
      const json answer = ask(client, next());
      const json code = answer.value("error_code", json());
      ASSERT_TRUE(code.is_null() || code == "not_found" || code == "collection_not_found" || code == "duplicate_write")
          << answer;
    }
  }

 private:
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  std::string one_of(const char* prefix, unsigned count) {
    return prefix + std::to_string(below(count));
  }

  json next() {
    const std::string collection = one_of("c", 3);
    const unsigned n = ++count_;
    switch (below(12)) {
      case 0: return {{"op", "point_delete"}, {"collection", collection}, {"document_id", one_of("d", 60)}};
      case 1: return {{"op", "index_create"}, {"collection", collection}, {"path", one_of("f", 2)}};
      case 2: return {{"op", "document_batch_insert"}, {"collection", collection},
                      {"documents", {{{"document_id", one_of("d", 60)}, {"data", {{"f0", n}}}},
                                     {{"document_id", one_of("e", 60)}, {"data", {{"f1", "x"}}}}}}};
      case 3:
      case 4: return {{"op", "vector_upsert"}, {"collection", collection}, {"document_id", one_of("v", 40)},
                      {"vector", {below(100), below(100), 1}}};
      case 5: return {{"op", "vector_delete"}, {"collection", collection}, {"document_id", one_of("v", 40)}};
      case 6:
      case 7: return {{"op", "edge_put"}, {"collection", collection}, {"from_node", one_of("n", 30)},
                      {"to_node", one_of("n", 30)}, {"edge_type", one_of("t", 3)}, {"weight", below(9)}};
      case 8: return {{"op", "edge_delete"}, {"collection", collection}, {"from_node", one_of("n", 30)},
                      {"to_node", one_of("n", 30)}, {"edge_type", one_of("t", 3)}};
      case 9: return {{"op", "crdt_apply"}, {"collection", collection}, {"document_id", one_of("y", 20)},
                      {"delta", yjs_update(1 + below(60), below(60))}, {"peer_id", 1 + below(3)}, {"mutation_id", n}};
      case 10: return {{"op", "user_create"}, {"username", one_of("u", 3)}, {"password", "a-password"},
                       {"replace", true}};
      default: return {{"op", "point_put"}, {"collection", collection}, {"document_id", one_of("d", 60)},
                       {"data", {{"f0", n}, {"f1", one_of("s", 9)}}}, {"idempotency_key", std::to_string(seed_) + "-" + std::to_string(n)}};
    }
  }

  unsigned seed_;
  std::mt19937 random_;
  unsigned count_ = 0;
};

class ReplicationTest : public testing::Test {
 protected:
  std::string config() const {
    return "[backup]\ndirectory = \"" + dir_.path() + "/backups\"\n";
  }
  std::string data() const { return dir_.path() + "/data"; }
  void start(std::uint32_t lanes) {
    server_.set_config(config());
    server_.set_lanes(lanes);
    ASSERT_TRUE(server_.start()) << server_.errors();
  }
  json digest() {
    Client client(server_.port());
    const json answer = ask(client, {{"op", "digest"}});
    EXPECT_EQ(answer["status"], "ok") << answer;
    return answer["payload"];
  }
  std::uint64_t last_lsn() { return digest()["lsn"]; }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
};

TEST_F(ReplicationTest, TheDigestIsThatOfTheLogHoweverTheStateWasMade) {
  for (unsigned seed = 1; seed <= (kSanitized ? 1 : 3); ++seed) {
    SCOPED_TRACE(seed);
    std::filesystem::remove_all(data());
    std::filesystem::remove_all(dir_.path() + "/backups");
    start(2);
    {
      Client client(server_.port());
      Workload(seed).run(client, 600);
    }
    const json live = digest();
    for (const char* engine : {"document", "vector", "graph", "crdt", "system", "kernel"}) {
      EXPECT_TRUE(live["engines"].contains(engine)) << live;
    }
    server_.kill();
    // Users, idempotency answers, the dictionary: nothing is anywhere but in the log.
    for (const auto& entry : std::filesystem::directory_iterator(data())) {
      const std::string name = entry.path().filename();
      if (name.starts_with("store-")) std::filesystem::remove_all(entry.path());
      EXPECT_TRUE(name.starts_with("store-") || name == "wal" || name == "LAYOUT" || name == "LOCK" || name == "audit") << name;
    }
    start(2);
    EXPECT_EQ(digest(), live) << "from the log alone";
    server_.kill();
    start(2);
    EXPECT_EQ(digest(), live) << "after kill -9";
    for (const std::uint32_t lanes : {3u, 1u, 2u}) {
      ASSERT_EQ(server_.stop(), 0);
      start(lanes);
      EXPECT_EQ(digest(), live) << "with " << lanes << " lanes";
    }
    {
      Client client(server_.port());
      ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "b"}})["status"], "ok");
      // It tells a difference.
      ask(client, {{"op", "point_put"}, {"collection", "c0"}, {"document_id", "new"}, {"data", {{"f0", 1}}}});
    }
    const json more = digest();
    EXPECT_NE(more["engines"]["document"], live["engines"]["document"]);
    EXPECT_EQ(more["engines"]["graph"], live["engines"]["graph"]);
    ASSERT_EQ(server_.stop(), 0);

    std::filesystem::remove_all(data());
    const CommandResult restored =
        run_statord({"restore", "--from", dir_.path() + "/backups/b", "--data-dir", data()});
    ASSERT_EQ(restored.exit_code, 0) << restored.errors;
    start(2);
    EXPECT_EQ(digest(), live) << "from a backup";
    ASSERT_EQ(server_.stop(), 0);
  }
}

// What every engine says of all that the workload can have written: its memory as well as its store.
json answers(Client& client) {
  json all;
  for (int c = 0; c < 3; ++c) {
    const std::string collection = "c" + std::to_string(c);
    for (json request : {json{{"op", "vector_stats"}}, json{{"op", "vector_search"}, {"query_vector", {50, 50, 1}}, {"top_k", 50}},
                         json{{"op", "graph_stats"}}, json{{"op", "document_scan"}, {"limit", 100}},
                         json{{"op", "range_scan"}, {"field", "f0"}, {"lower", 0}, {"limit", 100}}}) {
      request["collection"] = collection;
      all.push_back(ask(client, request)["payload"]);
    }
    for (int n = 0; n < 30; ++n) {
      all.push_back(ask(client, {{"op", "graph_neighbors"}, {"collection", collection}, {"node_id", "n" + std::to_string(n)}, {"direction", "both"}})["payload"]);
    }
    for (int y = 0; y < 20; ++y) {
      all.push_back(ask(client, {{"op", "crdt_read"}, {"collection", collection}, {"document_id", "y" + std::to_string(y)}})["payload"]);
    }
  }
  return all;
}

// ---- discard_to ----------------------------------------------------------------------------------

json discard(Client& client, std::uint64_t lsn) {
  return ask(client, {{"op", "discard_to"}, {"lsn", lsn}, {"discard_acknowledged", true}});
}

TEST_F(ReplicationTest, ForgetsWhatCameBehindAnLsn) {
  start(2);
  Client client(server_.port());
  Workload workload(7);
  workload.run(client, 200);
  const json kept = digest();
  const json said = answers(client);
  workload.run(client, 200);
  ask(client, {{"op", "point_put"}, {"collection", "c0"}, {"document_id", "late"}, {"data", {{"f0", 1}}},
               {"idempotency_key", "late"}});
  ASSERT_NE(digest()["engines"], kept["engines"]);
  const std::uint64_t last = last_lsn();
  const std::uint64_t lsn = kept["lsn"];

  const json unsure = ask(client, {{"op", "discard_to"}, {"lsn", lsn}, {"discard_acknowledged", false}});
  EXPECT_EQ(unsure["error_code"], "bad_request");
  EXPECT_EQ(last_lsn(), last);

  const json done = discard(client, lsn);
  ASSERT_EQ(done["status"], "ok") << done;
  EXPECT_EQ(done["payload"]["discarded"], last - lsn);
  EXPECT_EQ(digest(), kept);
  EXPECT_EQ(answers(client), said);
  EXPECT_THAT(server_.errors(), HasSubstr("records above LSN " + std::to_string(lsn) + " forgotten"));
  EXPECT_EQ(ask(client, {{"op", "point_get"}, {"collection", "c0"}, {"document_id", "late"}})["error_code"], "not_found");
  server_.kill();
  start(2);
  EXPECT_EQ(digest(), kept) << "also after a restart";
  // The LSNs are given again; an idempotency key of what is gone is new.
  Client again(server_.port());
  const json put = ask(again, {{"op", "point_put"}, {"collection", "c0"}, {"document_id", "late"}, {"data", {{"f0", 2}}},
                               {"idempotency_key", "late"}});
  EXPECT_EQ(put["payload"]["lsn"], lsn + 1) << put;
  Workload(8).run(again, 100);
  const json live = digest();
  server_.kill();
  start(3);
  EXPECT_EQ(digest(), live);
}

// Users, roles and rights of what is forgotten are forgotten with it, on open connections too.
TEST(DiscardedRightsTest, AreGoneAtOnce) {
  TempDir dir(TempDir::kFast);
  ServerProcess server({dir.path(), 2, "[auth]\nmode = \"password\"\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  const auto ask = [](Client& client, json request) {
    request["payload_format"] = "json";
    return json::parse(client.ask(request.dump()));
  };
  const auto login = [&](Client& client, const std::string& user, const std::string& password) {
    return ask(client, {{"op", "auth"}, {"method", "password"}, {"username", user}, {"password", password}})["status"];
  };
  const auto make = [&](Client& client, const std::string& user) {
    return ask(client, {{"op", "user_create"}, {"username", user}, {"password", "long enough"}, {"role", "readonly"}});
  };
  Client admin(server.port());
  ASSERT_EQ(login(admin, "admin", "test-password"), "ok");
  ASSERT_EQ(make(admin, "kept")["status"], "ok");
  const json before = ask(admin, {{"op", "point_put"}, {"document_id", "a"}, {"data", json::object()}});
  const std::uint64_t lsn = before["payload"]["lsn"];

  ASSERT_EQ(make(admin, "late")["status"], "ok");
  ASSERT_EQ(ask(admin, {{"op", "grant_role"}, {"username", "kept"}, {"role", "readwrite"}})["status"], "ok");
  const json put = {{"op", "point_put"}, {"document_id", "b"}, {"data", json::object()}};
  Client kept(server.port());
  Client late(server.port());
  ASSERT_EQ(login(kept, "kept", "long enough"), "ok");
  ASSERT_EQ(login(late, "late", "long enough"), "ok");
  ASSERT_EQ(ask(kept, put)["status"], "ok");

  const json done = ask(admin, {{"op", "discard_to"}, {"lsn", lsn}, {"discard_acknowledged", true}});
  ASSERT_EQ(done["status"], "ok") << done;
  EXPECT_EQ(ask(kept, put)["error_code"], "rejected_authz");
  EXPECT_EQ(ask(kept, {{"op", "point_get"}, {"document_id", "a"}})["status"], "ok");
  EXPECT_EQ(ask(late, {{"op", "point_get"}, {"document_id", "a"}})["error_code"], "unauthenticated");
  Client again(server.port());
  EXPECT_EQ(login(again, "late", "long enough"), "error");
}

TEST_F(ReplicationTest, DoesNotForgetWhatACheckpointHolds) {
  start(2);
  Client client(server_.port());
  Workload(9).run(client, 50);
  const std::uint64_t lsn = last_lsn();
  Workload(10).run(client, 50);
  const json live = digest();
  ASSERT_EQ(ask(client, {{"op", "checkpoint"}})["status"], "ok");
  const json refused = discard(client, lsn);
  EXPECT_EQ(refused["error_code"], "rejected_constraint") << refused;
  const std::string sentence = refused["error"];
  EXPECT_THAT(sentence, HasSubstr("LSN " + std::to_string(lsn)));
  EXPECT_THAT(sentence, HasSubstr("LSN " + live["lsn"].dump()));
  EXPECT_THAT(refused["hint"].get<std::string>(), HasSubstr("restore a backup"));
  EXPECT_EQ(digest(), live);
  EXPECT_EQ(discard(client, live["lsn"].get<std::uint64_t>() + 1)["error_code"], "not_found");
  EXPECT_EQ(discard(client, 1)["error_code"], "rejected_constraint");
}

// ---- vshard_move ---------------------------------------------------------------------------------

json move(Client& client, unsigned vshard, unsigned lane) {
  return ask(client, {{"op", "vshard_move"}, {"vshard", vshard}, {"lane", lane}});
}

TEST_F(ReplicationTest, AMovedVShardIsWholeAndLives) {
  start(3);
  Client client(server_.port());
  Workload workload(11);
  workload.run(client, 500);
  const json before = digest();
  const json said = answers(client);
  std::uint64_t entries = 0;
  // Everything goes to lane 1, a fourth of it with a sanitizer: every engine loses and gains
  // collections.
  for (unsigned vshard = 0; vshard < 1024; vshard += kSanitized ? 4 : 1) {
    if (vshard >= 342 && vshard < 683) continue;  // lane 1 has them
    const json moved = move(client, vshard, 1);
    ASSERT_EQ(moved["status"], "ok") << vshard << moved;
    entries += moved["payload"]["entries"].get<std::uint64_t>();
  }
  EXPECT_GT(entries, kSanitized ? 5u : 20u);
  EXPECT_EQ(digest(), before);
  EXPECT_EQ(answers(client), said);
  EXPECT_EQ(move(client, 0, 1)["error_code"], "duplicate_write");
  EXPECT_EQ(move(client, 0, 3)["error_code"], "bad_request");
  // The new owner's engines know what came, the old ones' have forgotten it.
  workload.run(client, 300);
  const json live = digest();
  const json says = answers(client);
  server_.kill();
  start(3);
  EXPECT_EQ(digest(), live) << "after kill -9";
  Client again(server_.port());
  EXPECT_EQ(answers(again), says) << "what the new owners say is what a start makes of it";
  ASSERT_EQ(server_.stop(), 0);
  start(2);
  EXPECT_EQ(digest(), live) << "with another number of lanes";
}

// Every answered write is there, and every read is right, while its owner changes.
TEST_F(ReplicationTest, MovesUnderLoad) {
  start(2);
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < 3; ++w) {
    writers.emplace_back([&, w] {
      Client client(server_.port());
      for (int n = 0; !is_over || n < 20; ++n) {
        const std::string id = "w" + std::to_string(w) + "-" + std::to_string(n % 50);
        const json put = ask(client, {{"op", "point_put"}, {"collection", "c"}, {"document_id", id}, {"data", {{"n", n}}}});
        const json got = ask(client, {{"op", "point_get"}, {"collection", "c"}, {"document_id", id}});
        if (put["status"] != "ok" || got["status"] != "ok" || got["payload"]["n"] != n) ++wrong;
        const json vector = ask(client, {{"op", "vector_upsert"}, {"collection", id}, {"document_id", "x"}, {"vector", {n, 1}}});
        if (vector["status"] != "ok") ++wrong;
      }
    });
  }
  Client client(server_.port());
  int moved = 0;
  for (unsigned i = 0; i < 60; ++i) {
    const unsigned vshard = i * 37 % 1024;
    const unsigned lane = vshard < 512 ? 1 : 0;
    if (move(client, vshard, lane)["status"] == "ok") ++moved;
  }
  is_over = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(moved, 60);
}

TEST_F(ReplicationTest, AKillInTheMiddleOfAMoveLeavesOneOwnerWithAllData) {
  std::mt19937 random(5);
  start(2);
  {
    Client client(server_.port());
    Workload(12).run(client, 400);
  }
  const json before = digest();
  for (int round = 0; round < 12; ++round) {
    std::atomic<unsigned> done{0};
    const unsigned enough = 1 + static_cast<unsigned>(random() % 6);
    std::thread mover([&] {
      try {
        Client client(server_.port());
        for (unsigned i = 0;; ++i) {
          const std::uint32_t vshard = static_cast<std::uint32_t>(random() % 1024);
          client.ask(json{{"op", "vshard_move"}, {"vshard", vshard}, {"lane", i % 2}}.dump());
          ++done;
        }
      } catch (const std::exception&) {
        done = 1000;  // the server is gone
      }
    });
    while (done < enough) std::this_thread::yield();
    server_.kill();
    mover.join();
    start(2);
    ASSERT_EQ(digest(), before) << "round " << round;
  }
}

}  // namespace
}  // namespace stator::test
