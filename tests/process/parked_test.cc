// An engine is left out while the log still holds records of it: they wait, and nothing else stops.
#include <nlohmann/json.hpp>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr int kVectors = 30;
constexpr const char* kBoth = "engines = [\"document\", \"vector\"]\n";
constexpr const char* kDocumentsOnly = "engines = [\"document\"]\n";

class ParkedTest : public testing::Test {
 protected:
  json ask(const std::string& body) { return json::parse(Client(server_.port()).ask(body)); }
  void put_document(const std::string& id, int n) {
    const json answer = ask(R"({"op":"point_put","collection":"c","document_id":")" + id +
                            R"(","data":{"n":)" + std::to_string(n) + "}}");
    ASSERT_EQ(answer["status"], "ok") << answer;
  }
  void expect_document(const std::string& id, int n) {
    const json answer =
        ask(R"({"op":"point_get","collection":"c","payload_format":"json","document_id":")" + id +
            "\"}");
    ASSERT_EQ(answer["status"], "ok") << answer;
    EXPECT_EQ(answer["payload"]["n"], n);
  }
  // Vector `v<n>` is [n, 1], in collections of several vShards; one request each.
  void put_vectors(int from, int to) {
    Client client(server_.port());
    for (int n = from; n < to; ++n) {
      const json answer = json::parse(
          client.ask(R"({"op":"vector_batch_upsert","collection":")" + collection(n) +
                     R"(","metric":"l2","vectors":[{"document_id":"v)" + std::to_string(n) +
                     R"(","vector":[)" + std::to_string(n) + ",1]}]}"));
      ASSERT_EQ(answer["status"], "ok") << answer;
    }
  }
  static std::string collection(int n) { return "c" + std::to_string(n % 7); }
  // Every one of the vectors 0..count-1 once, none besides.
  void expect_vectors(int count) {
    std::multiset<std::string> found;
    for (int c = 0; c < 7; ++c) {
      const json answer = ask(R"({"op":"vector_search","collection":"c)" + std::to_string(c) +
                              R"(","payload_format":"json","query_vector":[1,1],"top_k":100})");
      ASSERT_EQ(answer["status"], "ok") << answer;
      for (const auto& row : answer["payload"]["results"])
        found.insert(row["document_id"].get<std::string>());
    }
    std::multiset<std::string> expected;
    for (int n = 0; n < count; ++n) expected.insert("v" + std::to_string(n));
    EXPECT_EQ(found, expected);
  }
  void start(const char* config, std::uint32_t lanes = 2) {
    server_.set_config(config);
    server_.set_lanes(lanes);
    ASSERT_TRUE(server_.start()) << server_.errors();
  }
  // Vectors and a document in the log, nothing in the base.
  void write_and_kill() {
    start(kBoth);
    put_document("before", 1);
    put_vectors(0, kVectors);
    server_.kill();
  }
  void expect_disabled() {
    const json answer =
        ask(R"({"op":"vector_search","collection":"c0","query_vector":[1,1],"top_k":3})");
    EXPECT_EQ(answer["error_code"], "engine_disabled") << answer;
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 2, kBoth, "dev"}};
};

TEST_F(ParkedTest, OtherEnginesGoOnAndTheRecordsAreThereWhenItIsBack) {
  write_and_kill();
  start(kDocumentsOnly);
  EXPECT_THAT(server_.errors(), ContainsRegex("are kept until they are: [0-9]+ of 'vector'\""));
  expect_disabled();
  expect_document("before", 1);
  put_document("while", 2);
  EXPECT_EQ(server_.stop(), 0);  // with a checkpoint
  start(kBoth);
  expect_vectors(kVectors);
  expect_document("before", 1);
  expect_document("while", 2);
  put_vectors(kVectors, kVectors + 5);
  expect_vectors(kVectors + 5);
  EXPECT_EQ(server_.stop(), 0);
  start(kBoth);
  expect_vectors(kVectors + 5);
}

TEST_F(ParkedTest, WaitThroughKillsAndStartsWithoutTheEngine) {
  write_and_kill();
  for (int i = 0; i < 3; ++i) {
    start(kDocumentsOnly);
    expect_disabled();
    put_document("d" + std::to_string(i), i);
    if (i == 1) {
      EXPECT_EQ(server_.stop(), 0);
    } else {
      server_.kill();
    }
  }
  start(kBoth);
  expect_vectors(kVectors);
  for (int i = 0; i < 3; ++i) expect_document("d" + std::to_string(i), i);
}

TEST_F(ParkedTest, MoveWithTheirVShardsToAnotherNumberOfLanes) {
  write_and_kill();
  start(kDocumentsOnly);
  EXPECT_EQ(server_.stop(), 0);
  start(kDocumentsOnly, 3);
  expect_disabled();
  EXPECT_EQ(server_.stop(), 0);
  start(kDocumentsOnly, 1);
  server_.kill();
  start(kBoth, 4);
  expect_vectors(kVectors);
  expect_document("before", 1);
}

TEST_F(ParkedTest, AreParkedByTheMoveItself) {
  write_and_kill();
  start(kDocumentsOnly, 3);
  server_.kill();
  start(kBoth, 3);
  expect_vectors(kVectors);
}

// The start that takes them back is killed before its first checkpoint: the next one does it again,
// and what was written in between comes after them.
TEST_F(ParkedTest, ACrashAfterTheEngineCameBackLosesNothingAndDoublesNothing) {
  write_and_kill();
  start(kDocumentsOnly);
  EXPECT_EQ(server_.stop(), 0);
  start(kBoth);
  server_.kill();
  start(kBoth);
  expect_vectors(kVectors);
  // Further ones, and v0 anew: newer than what is parked.
  put_vectors(kVectors, kVectors + 3);
  const json moved = ask(
      R"({"op":"vector_batch_upsert","collection":"c0","metric":"l2","vectors":[{"document_id":"v0","vector":[500,1]}]})");
  ASSERT_EQ(moved["status"], "ok") << moved;
  server_.kill();
  start(kBoth);
  expect_vectors(kVectors + 3);
  const json nearest = ask(
      R"({"op":"vector_search","collection":"c0","payload_format":"json","query_vector":[500,1],"top_k":1})");
  EXPECT_EQ(nearest["payload"]["results"][0]["document_id"], "v0");
  EXPECT_EQ(server_.stop(), 0);
  start(kBoth);
  expect_vectors(kVectors + 3);
  server_.kill();
  // Left out again, the records of the new tail wait in their turn.
  start(kDocumentsOnly);
  EXPECT_EQ(server_.stop(), 0);
  start(kBoth, 1);
  expect_vectors(kVectors + 3);
}

TEST_F(ParkedTest, NothingIsSaidWhenNothingWaits) {
  start(kDocumentsOnly);
  put_document("a", 1);
  EXPECT_EQ(server_.stop(), 0);
  start(kDocumentsOnly);
  EXPECT_THAT(server_.errors(), Not(HasSubstr("are kept until")));
}

}  // namespace
}  // namespace stator::test
