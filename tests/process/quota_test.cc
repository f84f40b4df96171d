// Quotas that need time or many requests to show.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/client.h"
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
