// What tenant_drop promises: of the tenant's data nothing is left in any engine, on any lane, also
// if the server is killed on the way; nobody else's changes, and requests go on meanwhile.
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "support/json_client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::json;

class TenantDropTest : public testing::Test {
 protected:
  void SetUp() override { start(); }
  void start() {
    ASSERT_TRUE(server_.start()) << server_.errors();
    admin_ = log_in(server_.port(), "admin", "test-password");
  }
  void kill_and_start() {
    server_.kill();
    start();
  }
  int make_tenant(const std::string& name) {
    const int tenant = must(*admin_, {{"op", "tenant_create"}, {"name", name}})["tenant_id"];
    must(*admin_, {{"op", "user_create"},
                   {"username", name},
                   {"password", "correct horse"},
                   {"role", "tenant_admin"},
                   {"tenant", tenant}});
    return tenant;
  }

  // Of every engine, on every lane, and answers that are kept.
  void fill(Client& client, int documents) {
    for (const char* collection : {"one", "two"}) {
      const Json on = {{"collection", collection}};
      const auto with = [&](Json request) {
        request.update(on);
        return must(client, request);
      };
      with({{"op", "index_create"}, {"path", "n"}});
      with({{"op", "index_create"}, {"path", "u"}, {"kind", "unique"}});
      for (int from = 0; from < documents; from += 500) {
        Json rows = Json::array();
        Json vectors = Json::array();
        Json edges = Json::array();
        for (int i = from; i < from + 500; ++i) {
          const std::string id = "d" + std::to_string(i);
          rows.push_back({{"document_id", id},
                          {"data", {{"n", i}, {"u", i}, {"text", std::string(50, 'x')}}}});
          vectors.push_back({{"document_id", id}, {"vector", {i, 1, 2}}, {"payload", {{"n", i}}}});
          edges.push_back({{"from_node", id}, {"to_node", "hub"}, {"edge_type", "x"}});
        }
        with({{"op", "document_batch_insert"}, {"documents", rows}});
        with({{"op", "vector_batch_upsert"}, {"rows", vectors}});
        with({{"op", "edge_batch_put"}, {"edges", edges}});
      }
      for (int i = 0; i < 40; ++i) {
        const std::string n = std::to_string(i);
        with({{"op", "crdt_apply"}, {"document_id", "t" + n}, {"delta", "AQEBAAQBAXQCaGkA"}});
        with({{"op", "point_put"},
              {"document_id", "k" + n},
              {"data", {{"x", 1}}},
              {"idempotency_key", "key" + n}});
      }
    }
    must(client,
         {{"op", "role_create"}, {"role", "r"}, {"idempotency_key", "of the tenant's admin"}});
    must(client,
         {{"op", "row_policy_create"}, {"policy", "p"}, {"on", "one"}, {"where", {{"n", 1}}}});
  }

  bool is_listed(int tenant) {
    const Json list = must(*admin_, {{"op", "tenant_list"}});
    for (const Json& one : list["tenants"]) {
      if (one["tenant_id"] != tenant) continue;
      EXPECT_EQ(one.value("dropping", false), true);
      return true;
    }
    return false;
  }
  // Each question is a turn of a lane: there is no waiting for a time.
  void await_end(int tenant) {
    for (int asked = 0; is_listed(tenant); ++asked) ASSERT_LT(asked, 1'000'000);
  }
  void drop(const std::string& name, int tenant) {
    must(*admin_, {{"op", "user_drop"}, {"username", name}});
    must(*admin_, {{"op", "tenant_drop"}, {"tenant", tenant}});
  }
  // Sums over what every engine stores; the kernel's own engine counts tenants.
  Json digest() {
    must(*admin_, {{"op", "checkpoint"}});
    Json engines = must(*admin_, {{"op", "digest"}})["engines"];
    for (auto it = engines.begin(); it != engines.end();) {
      it = (it->is_object() && it->value("engine", "") == "system") ? engines.erase(it)
                                                                    : std::next(it);
    }
    if (engines.is_object()) engines.erase("system");
    return engines;
  }
  std::uint64_t stored(int tenant) {
    return must(*admin_, {{"op", "quota_get"}, {"tenant", tenant}})["used"]["storage_bytes"];
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 3, "[auth]\nmode = \"password\"\n", "dev"}};
  std::unique_ptr<Client> admin_;
};

TEST_F(TenantDropTest, NothingIsLeftInAnyEngineAndNobodyElsesChanges) {
  fill(*admin_, 500);
  const int kept = make_tenant("kept");
  fill(*log_in(server_.port(), "kept", "correct horse"), 500);
  const Json before = digest();
  const std::uint64_t kept_bytes = stored(kept);

  const int tenant = make_tenant("acme");
  fill(*log_in(server_.port(), "acme", "correct horse"), 2000);
  EXPECT_NE(digest(), before);
  EXPECT_GT(stored(tenant), 500'000u);
  drop("acme", tenant);
  // Others go on meanwhile, and the name is taken until the end.
  must(*admin_, {{"op", "point_get"}, {"collection", "one"}, {"document_id", "d1"}});
  await_end(tenant);
  EXPECT_EQ(digest(), before);
  EXPECT_EQ(stored(tenant), 0u);
  EXPECT_EQ(stored(kept), kept_bytes);
  EXPECT_GT(make_tenant("acme"), tenant) << "the name is free, the id is not";

  server_.kill();
  start();
  EXPECT_EQ(digest(), before);
  const auto client = log_in(server_.port(), "kept", "correct horse");
  EXPECT_EQ(must(*client, {{"op", "graph_stats"}, {"collection", "one"}})["edges"], 500);
  EXPECT_EQ(must(*client, {{"op", "vector_stats"}, {"collection", "two"}})["count"], 500);
}

// Killed again and again before it is done, at moments that the requests before set: each start
// goes on where the log ends, with half of everything erased.
TEST_F(TenantDropTest, AKilledServerGoesOnUntilNothingIsLeft) {
  fill(*admin_, 500);
  const Json before = digest();
  const int tenant = make_tenant("acme");
  fill(*log_in(server_.port(), "acme", "correct horse"), 15'000);
  drop("acme", tenant);
  int rounds = 0;
  for (; rounds < 8 && is_listed(tenant); ++rounds) {
    if (rounds == 1) must(*admin_, {{"op", "checkpoint"}});  // half of it is in the bases
    if (rounds == 2) server_.set_lanes(2);                   // and moves to other lanes
    for (int again = 0; again < 2; ++again) {
      server_.kill();
      ASSERT_TRUE(server_.start()) << server_.errors();
    }
    kill_and_start();
  }
  EXPECT_GE(rounds, 1) << "the drop was over before it was killed";
  await_end(tenant);
  EXPECT_EQ(digest(), before);
  EXPECT_EQ(stored(tenant), 0u);
}

// The engine that opens again wakes its index, which is work for a tenant that is no longer there.
TEST_F(TenantDropTest, AnIndexDoesNotKeepItAfterAKill) {
  const int tenant = make_tenant("acme");
  const auto client = log_in(server_.port(), "acme", "correct horse");
  fill(*client, 10);
  must(*client, {{"op", "index_create"}, {"collection", "one"}, {"path", "n"}});
  drop("acme", tenant);
  kill_and_start();
  await_end(tenant);
  EXPECT_EQ(stored(tenant), 0u);
}

TEST_F(TenantDropTest, WhileItGoesOnNoVShardMovesAndTheTenantIsGone) {
  const int tenant = make_tenant("acme");
  const auto client = log_in(server_.port(), "acme", "correct horse");
  fill(*client, 6000);
  drop("acme", tenant);
  ASSERT_TRUE(is_listed(tenant)) << "the drop was over before anybody could look";
  EXPECT_EQ(ask(*client,
                {{"op", "point_get"}, {"collection", "one"}, {"document_id", "d1"}})["error_code"],
            "unauthenticated");
  EXPECT_EQ(ask(*admin_, {{"op", "tenant_drop"}, {"tenant", tenant}})["error_code"], "not_found");
  EXPECT_EQ(ask(*admin_, {{"op", "quota_set"}, {"tenant", tenant}})["error_code"], "not_found");
  EXPECT_EQ(ask(*admin_, {{"op", "tenant_create"}, {"name", "acme"}})["error_code"],
            "duplicate_write");
  for (const Json& request :
       {Json{{"op", "vshard_move"}, {"vshard", 1}, {"lane", 1}}, Json{{"op", "digest"}}}) {
    EXPECT_EQ(ask(*admin_, request)["error_code"], "busy") << request;
  }
  await_end(tenant);
}

// Records of the drop are forgotten while it goes on: some of them, and it goes on from there; all
// of them, and the tenant is there as it was.
TEST_F(TenantDropTest, TheLogMayBeCutBackWhileItGoesOn) {
  const Json before = must(*admin_, {{"op", "digest"}})["engines"];
  const int tenant = make_tenant("acme");
  fill(*log_in(server_.port(), "acme", "correct horse"), 6000);
  const Json whole = must(*admin_, {{"op", "digest"}});
  const auto discard_to = [&](const Json& lsn) {
    must(*admin_, {{"op", "discard_to"}, {"lsn", lsn}, {"discard_acknowledged", true}});
  };
  const auto durable = [&] { return must(*admin_, {{"op", "server_stats"}})["durable_lsn"]; };
  must(*admin_, {{"op", "user_drop"}, {"username", "acme"}});
  must(*admin_, {{"op", "tenant_drop"}, {"tenant", tenant}});
  const Json begun = durable();
  const Json midway = durable();
  ASSERT_TRUE(is_listed(tenant)) << "the drop was over before the log was cut";
  discard_to(midway);
  ASSERT_TRUE(is_listed(tenant));
  discard_to(begun);
  ASSERT_TRUE(is_listed(tenant));
  discard_to(whole["lsn"]);
  EXPECT_EQ(must(*admin_, {{"op", "digest"}}), whole);
  const auto client = log_in(server_.port(), "acme", "correct horse");
  must(*client, {{"op", "point_get"}, {"collection", "two"}, {"document_id", "d5999"}});

  drop("acme", tenant);
  await_end(tenant);
  EXPECT_EQ(stored(tenant), 0u);
  const Json after = must(*admin_, {{"op", "digest"}})["engines"];
  for (const char* engine : {"document", "vector", "graph", "crdt"}) {
    EXPECT_EQ(after.value(engine, Json()), before.value(engine, Json())) << engine;
  }
}

}  // namespace
}  // namespace stator::test
