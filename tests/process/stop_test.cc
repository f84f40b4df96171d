// A server that is told to stop: what is open is answered, and it ends at once.
#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class StopTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()) << server_.errors(); }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), GetParam(), "", "dev"}};
};
INSTANTIATE_TEST_SUITE_P(Lanes, StopTest, testing::Values(1u, 2u));

// The LSN may never come, and the deadline is ten minutes away.
TEST_P(StopTest, WhatWaitsForAnLsnIsAnswered) {
  Client client(server_.port());
  for (const char* id : {"a", "b", "c", "d"}) {
    client.send(json{
        {"op", "point_get"},
        {"document_id", id},
        {"min_lsn", 1'000'000'000},
        {"deadline_ms",
         600'000}}.dump());
  }
  Client observer(server_.port());
  for (std::uint64_t waiting = 0; waiting < 4;) {
    waiting = 0;
    const json stats = must(observer, {{"op", "server_stats"}});
    for (const json& lane : stats["lanes"]) waiting += lane["waiting"].get<std::uint64_t>();
  }
  EXPECT_EQ(server_.stop(), 0);
  EXPECT_THAT(server_.errors(), Not(HasSubstr("within the time to drain")));
  for (int i = 0; i < 4; ++i) {
    const json answer = json::parse(client.receive().value());
    EXPECT_EQ(answer["error_code"], "busy") << answer;
    EXPECT_EQ(answer["field"], "min_lsn") << answer;
  }
}

}  // namespace
}  // namespace stator::test
