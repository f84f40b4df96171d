// Quotas that need time or many requests to show.
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/places.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::json;

class QuotaTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start()) << server_.errors();
    connect();
    tenant_ = ask(*admin_, {{"op", "tenant_create"}, {"name", "acme"}})["payload"]["tenant_id"];
    ask(*admin_, {{"op", "user_create"}, {"username", "anna"}, {"password", "correct horse"}, {"role", "tenant_admin"}, {"tenant", tenant_}});
    login();
  }
  void connect() {
    admin_ = std::make_unique<Client>(server_.port());
    ask(*admin_, {{"op", "auth"}, {"method", "password"}, {"username", "admin"}, {"password", "test-password"}});
  }
  void login() {
    anna_ = std::make_unique<Client>(server_.port());
    ASSERT_EQ(ask(*anna_, {{"op", "auth"}, {"method", "password"}, {"username", "anna"}, {"password", "correct horse"}})["status"], "ok");
  }
  static Json ask(Client& client, Json request) {
    request["payload_format"] = "json";
    return Json::parse(client.ask(request.dump()));
  }
  static Json put(const std::string& id, std::size_t bytes) {
    return {{"op", "point_put"}, {"document_id", id}, {"data", {{"text", std::string(bytes, 'x')}}}};
  }
  std::uint64_t stored() { return ask(*anna_, {{"op", "quota_get"}})["payload"]["used"]["storage_bytes"]; }
  void checkpoint() { ASSERT_EQ(ask(*admin_, {{"op", "checkpoint"}})["status"], "ok"); }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 2, "[auth]\nmode = \"password\"\n", "dev"}};
  std::unique_ptr<Client> admin_;
  std::unique_ptr<Client> anna_;
  int tenant_ = 0;
};

TEST_F(QuotaTest, StorageIsMeasuredAndKeepsOutWhatAdds) {
  EXPECT_EQ(stored(), 0u);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(ask(*anna_, put("d" + std::to_string(i), 10'000))["status"], "ok");
  // Another tenant's bytes are its own.
  ASSERT_EQ(ask(*admin_, put("x", 500'000))["status"], "ok");
  checkpoint();
  const std::uint64_t full = stored();
  EXPECT_GT(full, 100'000u);
  EXPECT_LT(full, 110'000u);
  // Replacing something by the same adds nothing; by less, less.
  ASSERT_EQ(ask(*anna_, put("d0", 10'000))["status"], "ok");
  checkpoint();
  EXPECT_EQ(stored(), full);
  ASSERT_EQ(ask(*anna_, put("d0", 5'000))["status"], "ok");
  checkpoint();
  EXPECT_EQ(stored(), full - 5'000);

  ASSERT_EQ(ask(*admin_, {{"op", "quota_set"}, {"tenant", tenant_}, {"storage_bytes", full - 5'000}})["status"], "ok");
  const Json refused = ask(*anna_, put("more", 1));
  EXPECT_EQ(refused["error_code"], "over_quota");
  EXPECT_EQ(refused["retryable"], true);
  EXPECT_GT(refused["retry_after_ms"], 0);
  EXPECT_EQ(ask(*anna_, {{"op", "batch"}, {"ops", {put("more", 1)}}})["error_code"], "over_quota");
  EXPECT_EQ(ask(*anna_, {{"op", "point_get"}, {"document_id", "d1"}})["status"], "ok");
  ASSERT_EQ(ask(*anna_, {{"op", "point_delete"}, {"document_id", "d1"}})["status"], "ok");
  checkpoint();
  EXPECT_LT(stored(), full - 14'000);
  EXPECT_EQ(ask(*anna_, put("more", 1))["status"], "ok");

  // The same after a clean stop, a kill and another number of lanes.
  checkpoint();
  const std::uint64_t before = stored();
  ASSERT_EQ(server_.stop(), 0);
  ASSERT_TRUE(server_.start());
  login();
  EXPECT_EQ(stored(), before);
  server_.kill();
  server_.set_lanes(3);
  ASSERT_TRUE(server_.start());
  login();
  EXPECT_EQ(stored(), before);
}

// Of the heap, by the calls of engines: what vectors take is held in memory, documents are not.
TEST_F(QuotaTest, MemoryIsMeasuredAndKeepsOutWhatAdds) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has a heap of its own";
  const auto held = [&]() -> std::uint64_t {
    return ask(*anna_, {{"op", "quota_get"}})["payload"]["used"]["memory_bytes"];
  };
  const auto vector = [](int i) {
    return Json{{"op", "vector_upsert"},
                {"document_id", "v" + std::to_string(i)},
                {"collection", "c" + std::to_string(i % 8)},
                {"vector", std::vector<float>(256, 1.0F / static_cast<float>(i + 1))}};
  };
  EXPECT_EQ(held(), 0u);
  for (int i = 0; i < 400; ++i) ASSERT_EQ(ask(*anna_, vector(i))["status"], "ok");
  const std::uint64_t full = held();
  EXPECT_GT(full, 400u * 256 * 4);
  EXPECT_LT(full, 4u * 400 * 256 * 4);
  // Neither what another tenant holds, nor what is only stored.
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ask(*admin_, vector(i))["status"], "ok");
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(ask(*anna_, put("d" + std::to_string(i), 10'000))["status"], "ok");
  EXPECT_LT(held(), full + 100'000) << "of a megabyte of documents";

  const auto limit = [&](std::uint64_t bytes) {
    ASSERT_EQ(
        ask(*admin_, {{"op", "quota_set"}, {"tenant", tenant_}, {"memory_bytes", bytes}})["status"],
        "ok");
  };
  limit(full / 2);
  const Json refused = ask(*anna_, vector(1000));
  EXPECT_EQ(refused["error_code"], "over_quota");
  EXPECT_EQ(refused["error"], "the tenant's quota 'memory_bytes' is " + std::to_string(full / 2) +
                                  ", and " + std::to_string(held()) + " are used");
  EXPECT_EQ(
      ask(*anna_, {{"op", "vector_get"}, {"collection", "c1"}, {"document_id", "v1"}})["status"],
      "ok");
  EXPECT_EQ(
      ask(*anna_, {{"op", "vector_delete"}, {"collection", "c1"}, {"document_id", "v1"}})["status"],
      "ok");
  EXPECT_EQ(ask(*admin_, vector(1000))["status"], "ok");
  limit(full * 2);
  EXPECT_EQ(ask(*anna_, vector(1000))["status"], "ok");

  // Measured anew when engines are opened, by replay and from the store, on other lanes too.
  for (const int lanes : {2, 3, 1}) {
    if (lanes == 3) {
      server_.kill();
    } else {
      ASSERT_EQ(server_.stop(), 0);
    }
    server_.set_lanes(static_cast<std::uint32_t>(lanes));
    ASSERT_TRUE(server_.start());
    connect();
    login();
    EXPECT_GT(held(), 400u * 256 * 4) << lanes;
    EXPECT_LT(held(), 2 * full) << lanes;
  }
  // A limit that was set before holds after it.
  limit(1000);
  ASSERT_EQ(server_.stop(), 0);
  ASSERT_TRUE(server_.start());
  connect();
  login();
  EXPECT_EQ(ask(*anna_, vector(1001))["error_code"], "over_quota");
}

// An engine in C, or in Rust, takes its memory from malloc.
TEST_F(QuotaTest, MemoryOfMallocIsMeasuredToo) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has a heap of its own";
  ASSERT_EQ(server_.stop(), 0);
  server_.set_config("engine_path = [\"" + in_build("tests/engines") +
                     "\"]\nengines = [\"hostile\"]\n"
                     "[auth]\nmode = \"password\"\n");
  ASSERT_TRUE(server_.start()) << server_.errors();
  connect();
  login();
  const Json hoard = {{"op", "hostile_hoard"}, {"bytes", 10'000'000}};
  ASSERT_EQ(ask(*anna_, hoard)["status"], "ok");
  const std::uint64_t held = ask(*anna_, {{"op", "quota_get"}})["payload"]["used"]["memory_bytes"];
  EXPECT_GE(held, 10'000'000u);
  EXPECT_LT(held, 10'100'000u);
  ask(*admin_, {{"op", "quota_set"}, {"tenant", tenant_}, {"memory_bytes", 5'000'000}});
  EXPECT_EQ(ask(*anna_, hoard)["error_code"], "over_quota");
  EXPECT_EQ(server_.stop(), 0);
}

// As long as anything is changed and removed, what is measured does not drift.
TEST_F(QuotaTest, MemoryThatIsGivenBackIsNotCounted) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has a heap of its own";
  const auto held = [&]() -> std::uint64_t {
    return ask(*anna_, {{"op", "quota_get"}})["payload"]["used"]["memory_bytes"];
  };
  const auto round = [&] {
    for (int i = 0; i < 60; ++i) {
      const std::string id = std::to_string(i);
      ASSERT_EQ(ask(*anna_, {{"op", "edge_put"},
                             {"from_node", id},
                             {"to_node", "x" + id},
                             {"edge_type", "t"}})["status"],
                "ok");
      ASSERT_EQ(ask(*anna_, {{"op", "vector_upsert"},
                             {"document_id", id},
                             {"vector", std::vector<float>(64, 1)}})["status"],
                "ok");
      ASSERT_EQ(ask(*anna_, put(id, 1000))["status"], "ok");
    }
    ASSERT_EQ(ask(*anna_, {{"op", "index_create"}, {"name", "i"}, {"path", "text"}})["status"],
              "ok");
    ASSERT_EQ(ask(*anna_, {{"op", "index_drop"}, {"name", "i"}})["status"], "ok");
    for (int i = 0; i < 60; ++i) {
      const std::string id = std::to_string(i);
      ASSERT_EQ(ask(*anna_, {{"op", "edge_delete"},
                             {"from_node", id},
                             {"to_node", "x" + id},
                             {"edge_type", "t"}})["status"],
                "ok");
      ASSERT_EQ(ask(*anna_, {{"op", "vector_delete"}, {"document_id", id}})["status"], "ok");
      ASSERT_EQ(ask(*anna_, {{"op", "point_delete"}, {"document_id", id}})["status"], "ok");
    }
  };
  round();
  checkpoint();
  const std::uint64_t after_one = held();
  for (int i = 0; i < 10; ++i) round();
  checkpoint();
  EXPECT_LT(held(), 2 * after_one + 50'000);
}

TEST_F(QuotaTest, RequestsInFlightAreCountedUntilTheyAreAnswered) {
  ASSERT_EQ(ask(*admin_, {{"op", "quota_set"}, {"tenant", tenant_}, {"in_flight", 3}})["status"], "ok");
  // min_lsn is not reached before the deadline: these stay open together.
  for (int i = 0; i < 5; ++i) {
    anna_->send(R"({"op":"point_get","document_id":"a","min_lsn":1000000000,"deadline_ms":2000,"id":)" + std::to_string(i) + "}");
  }
  std::map<std::string, int> codes;
  for (int i = 0; i < 5; ++i) ++codes[Json::parse(*anna_->receive())["error_code"]];
  EXPECT_EQ(codes["over_quota"], 2);
  const Json used = ask(*admin_, {{"op", "quota_get"}, {"tenant", tenant_}})["payload"]["used"];
  EXPECT_EQ(used["in_flight"], 0) << "what was answered is not in flight";
  EXPECT_EQ(ask(*anna_, {{"op", "point_get"}, {"document_id", "a"}})["error_code"], "not_found");
  // A client that leaves lets go of its own.
  anna_->send(R"({"op":"point_get","document_id":"a","min_lsn":1000000000,"deadline_ms":200})");
  login();
  const Json late = ask(*anna_, {{"op", "point_get"}, {"document_id", "a"}, {"min_lsn", 1000000000}, {"deadline_ms", 1000}});
  EXPECT_NE(late["error_code"], "over_quota");
  EXPECT_EQ(ask(*admin_, {{"op", "quota_get"}, {"tenant", tenant_}})["payload"]["used"]["in_flight"], 0);
}

}  // namespace
}  // namespace stator::test
