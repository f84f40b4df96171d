// What is sent on one connection without `id` is done to a document in the order in which it was
// sent, also where some of it waits for an LSN that another connection brings.
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

class OrderTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start()) << server_.errors();
    writer_ = std::make_unique<Client>(server_.port());
    other_ = std::make_unique<Client>(server_.port());
  }
  static json put(const std::string& document, int value) {
    return {{"op", "point_put"}, {"document_id", document}, {"data", {{"v", value}}}};
  }
  static json get(const std::string& document) {
    return {{"op", "point_get"}, {"document_id", document}};
  }
  // The LSN of a write of somebody else, which is durable.
  std::uint64_t tick() { return must(*other_, put("clock", 0))["lsn"]; }
  void send(json request) {
    request["payload_format"] = "json";
    writer_->send(request.dump());
  }
  json receive() {
    const json answer = json::parse(writer_->receive().value());
    EXPECT_EQ(answer["status"], "ok") << answer;
    return answer.value("payload", json());
  }
  // The server has taken everything that was sent before, and answered none of it.
  void expect_all_waits() {
    writer_->send(R"({"op":"ping","id":"overtakes"})");
    EXPECT_EQ(json::parse(writer_->receive().value())["id"], "overtakes");
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), GetParam(), "", "dev"}};
  std::unique_ptr<Client> writer_;
  std::unique_ptr<Client> other_;
};
INSTANTIATE_TEST_SUITE_P(Lanes, OrderTest, testing::Values(1u, 2u));

TEST_P(OrderTest, NothingOvertakesAWriteThatWaitsForAnLsn) {
  for (const char* document : {"a", "b", "c", "d", "e", "f"}) {
    json early = put(document, 1);
    early["min_lsn"] = tick() + 1;
    send(early);
    send(put(document, 2));
    send(get(document));
    expect_all_waits();
    EXPECT_EQ(ask(*other_, get(document))["error_code"], "not_found");
    tick();
    receive();
    receive();
    EXPECT_EQ(receive()["v"], 2);
  }
}

TEST_P(OrderTest, RequestsOfABatchWaitForItsLsnAndKeepTheirOrder) {
  for (const char* document : {"a", "b", "c", "d", "e", "f"}) {
    const json ops = {put(document, 1), put(document, 2), get(document)};
    send({{"op", "batch"}, {"atomic", false}, {"min_lsn", tick() + 1}, {"ops", ops}});
    expect_all_waits();
    EXPECT_EQ(ask(*other_, get(document))["error_code"], "not_found");
    tick();
    EXPECT_EQ(receive()[2]["payload"]["v"], 2);
  }
}

TEST_P(OrderTest, ABatchWhoseLsnIsThereKeepsItsPlace) {
  for (const char* document : {"a", "b", "c", "d", "e", "f"}) {
    const json ops = {put(document, 1), put("other", 1)};
    const json batch = {{"op", "batch"}, {"atomic", false}, {"min_lsn", tick()}, {"ops", ops}};
    writer_->send_raw(framed(batch.dump()) + framed(put(document, 2).dump()));
    receive();
    receive();
    EXPECT_EQ(must(*other_, get(document))["v"], 2);
  }
}

TEST_P(OrderTest, ABatchWhoseLsnDoesNotComeDoesNothing) {
  const json ops = {put("a", 1), put("b", 2)};
  const json answer = ask(*other_, {{"op", "batch"},
                                    {"atomic", false},
                                    {"min_lsn", 1'000'000'000},
                                    {"deadline_ms", 50},
                                    {"ops", ops}});
  EXPECT_EQ(answer["error_code"], "deadline_exceeded") << answer;
  EXPECT_EQ(ask(*other_, get("a"))["error_code"], "not_found");
}

TEST_P(OrderTest, WhatCannotWaitForAnLsnSaysSo) {
  for (const char* op : {"ping", "digest", "subscribe", "server_stats"}) {
    const json answer = ask(*other_, {{"op", op}, {"min_lsn", 1}});
    EXPECT_EQ(answer["error_code"], "bad_request") << answer;
    EXPECT_EQ(answer["field"], "min_lsn") << answer;
  }
  must(*other_, {{"op", "checkpoint"}, {"min_lsn", 1}});
}

}  // namespace
}  // namespace stator::test
