// What every lane keeps (a schema, a policy) is the same on all of them, also where the request is
// cancelled when some have carried it out: else a document is refused or not by where it lies.
// `digest` refuses lanes that disagree.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

constexpr int kRounds = 300;

class EveryLaneTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.start()) << server_.errors(); }

  // Each is cancelled at about the moment when lanes carry it out; it waits for the end of their
  // turn.
  template <class Make>
  void ask_and_cancel(Make&& make) {
    Client client(server_.port());
    std::uint64_t number = 0;
    for (int i = 0; i < kRounds; ++i) {
      json request = make(i);
      request["priority"] = "background";
      client.send(request.dump());
      client.send(json{{"op", "cancel"}, {"request_id", ++number}}.dump());
      ++number;
      client.receive();
      client.receive();
      const json digest = json::parse(client.ask(R"({"op":"digest"})"));
      ++number;
      ASSERT_EQ(digest["status"], "ok") << "round " << i << ": " << digest;
    }
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 2, "", "dev"}};
};

TEST_F(EveryLaneTest, OneSchemaIsKept) {
  ask_and_cancel([](int i) {
    return json{
        {"op", "document_validate"}, {"mode", "set"}, {"schema", {{"title", std::to_string(i)}}}};
  });
}

TEST_F(EveryLaneTest, OnePolicyIsKept) {
  ask_and_cancel([](int i) {
    const json deferred = {{"CascadeDefer", {{"max_retries", i}, {"ttl_secs", 1}}}};
    return json{{"op", "alter_collection_policy"}, {"policy", {{"foreign_key", deferred}}}};
  });
}

}  // namespace
}  // namespace stator::test
