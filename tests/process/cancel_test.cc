// What a client that goes away leaves behind: nothing.
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

class CancelTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()) << server_.errors(); }
  std::uint64_t sum_of(const std::string& gauge) {
    const json answer =
        json::parse(observer().ask(R"({"op":"server_stats","payload_format":"json"})"));
    std::uint64_t sum = 0;
    for (const json& lane : answer["payload"]["lanes"]) sum += lane[gauge].get<std::uint64_t>();
    return sum;
  }
  std::uint64_t waiting() { return sum_of("waiting"); }
  // The test's time limit is the limit.
  void wait_until_waiting(std::uint64_t wanted) {
    while (waiting() != wanted) {
    }
  }
  Client& observer() {
    if (observer_ == nullptr) observer_ = std::make_unique<Client>(server_.port());
    return *observer_;
  }
  TempDir dir_;
  ServerProcess server_{{dir_.path(), 3, "", "dev"}};
  std::unique_ptr<Client> observer_;
};

TEST_F(CancelTest, AClientThatGoesTakesItsRequestsWithItFromEveryLane) {
  {
    Client client(server_.port());
    // They wait in the lanes that own the documents, ten minutes long.
    for (int i = 0; i < 60; ++i) {
      client.send(json{{"op", "point_get"},
                       {"document_id", "d" + std::to_string(i)},
                       {"min_lsn", 999999},
                       {"deadline_ms", 600000}}
                      .dump());
    }
    client.send(R"({"op":"range_scan","field":"n","min_lsn":999999,"deadline_ms":600000})");
    wait_until_waiting(60 + 3);
    client.reset();
  }
  wait_until_waiting(0);
  EXPECT_EQ(server_.stop(), 0) << "and no task is lost: the drain ends";
}

// With a key it is led as one round over the lanes, whose parts nobody cancels.
TEST_F(CancelTest, WhatWaitsForItsRoundIsNotCarriedOutForAClientThatIsGone) {
  const auto put = [&] {
    return json::parse(
               observer().ask(R"({"op":"point_put","document_id":"p","data":{}})"))["watermark_lsn"]
        .get<std::uint64_t>();
  };
  const std::uint64_t awaited = put() + 5;
  {
    Client client(server_.port());
    json rows = json::array();
    for (int i = 0; i < 20; ++i)
      rows.push_back({{"document_id", "d" + std::to_string(i)}, {"data", json::object()}});
    client.send(json{
        {"op", "document_batch_insert"},
        {"documents", rows},
        {"idempotency_key", "k"},
        {"min_lsn", awaited},
        {"deadline_ms",
         600000}}.dump());
    wait_until_waiting(1);
    client.reset();
  }
  while (sum_of("connections") != 1) {
  }
  while (put() < awaited) {
  }
  wait_until_waiting(0);
  const json found =
      json::parse(observer().ask(R"({"op":"document_count","payload_format":"json"})"));
  EXPECT_EQ(found["payload"]["count"], 1);
}

// It closes as programs do, and so ends its side first; with the window full nobody reads that end.
TEST_F(CancelTest, AClientThatClosesIsNoticedAlthoughItIsNotRead) {
  for (const std::uint64_t requests : {std::uint64_t{1}, std::uint64_t{1100}}) {
    {
      Client client(server_.port());
      wait_for_lsn(client, requests);
      wait_until_waiting(std::min<std::uint64_t>(requests, 1024));
    }
    wait_until_waiting(0);
  }
  EXPECT_EQ(server_.stop(), 0);
}

// It has the first byte of its answer when it asks, and the rest when that is there.
TEST_F(CancelTest, AClientThatOnlyEndsItsSideIsAnswered) {
  Client client(server_.port());
  client.send(R"({"op":"point_get","document_id":"a","min_lsn":999999,"deadline_ms":1000})");
  client.send(R"({"op":"ping","id":1})");
  client.send(R"({"op":"ping"})");
  client.end_of_input();
  EXPECT_EQ(json::parse(client.receive().value())["id"], 1);
  EXPECT_EQ(json::parse(client.receive().value())["error_code"], "deadline_exceeded");
  EXPECT_EQ(json::parse(client.receive().value())["status"], "ok");
  EXPECT_EQ(client.receive(), std::nullopt);
}

}  // namespace
}  // namespace stator::test
