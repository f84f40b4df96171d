// The real server over system calls that fail, do half, come late, or are the last before a power
// cut that loses any of the pages which were not synced: LMDB's calls too, which do not pass io/.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/places.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int kDocuments = 5;

// What is known of each document: the value that was acknowledged last, and the last that was sent.
// -1: deleted, 0: never written.
struct Model {
  std::map<int, int> acknowledged;
  std::map<int, std::vector<int>> since;  // sent after that
};

class FaultyCallsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer wants to stand before a preloaded library";
  }
  std::vector<std::string> environment(const std::string& fault) const {
    return {"LD_PRELOAD=" + in_build("tests/libfaulty_calls.so"),
            "STATOR_CALLS_BELOW=" + dir_.path() + "/data",
            "STATOR_CALLS_COUNT=" + dir_.path() + "/count", "STATOR_CALLS=" + fault,
            "STATOR_CALLS_SWITCH=" + dir_.path() + "/switch"};
  }
  unsigned calls() const {
    unsigned count = 0;
    std::ifstream(dir_.path() + "/count") >> count;
    return count;
  }
  static json ask(Client& client, json request) {
    request["payload_format"] = "json";
    return json::parse(client.ask(request.dump()));
  }
  static bool change(Client& client, Model& model, int document, int value) {
    const std::string id = "d" + std::to_string(document);
    json request = {{"op", value < 0 ? "point_delete" : "point_put"}, {"document_id", id}};
    if (value >= 0)
      request["data"] = {{"v", value},
                         {"f", std::string(static_cast<std::size_t>(value) * 150, 'f')}};
    model.since[document].push_back(value);
    if (ask(client, request)["status"] != "ok") return false;
    model.acknowledged[document] = value;
    model.since[document].clear();
    return true;
  }
  // Writes, checkpoints, replaces, deletes, checkpoints, and stops; as far as it gets.
  void work(ServerProcess& server, Model& model) {
    if (!server.start()) return;
    try {
      Client client(server.port());
      for (int turn = 1; turn <= 3; ++turn) {
        for (int document = 0; document < kDocuments; ++document) {
          change(client, model, document, turn == 3 && document == 1 ? -1 : turn * 10 + document);
        }
        if (turn < 3) ask(client, {{"op", "checkpoint"}});
      }
    } catch (const std::exception&) {
      // the server is gone
    }
    server.is_alive() ? static_cast<void>(server.stop()) : server.kill();
  }
  void expect_model(const Model& model, const std::string& where) {
    ServerProcess server({dir_.path(), 1, config_, "dev"});
    ASSERT_TRUE(server.start()) << where << ": " << server.errors();
    Client client(server.port());
    for (int document = 0; document < kDocuments; ++document) {
      const json got =
          ask(client, {{"op", "point_get"}, {"document_id", "d" + std::to_string(document)}});
      const int found = got["status"] == "ok" ? got["payload"]["v"].get<int>() : -1;
      const auto known = model.acknowledged.find(document);
      std::vector<int> allowed{known == model.acknowledged.end() ? -1 : known->second};
      if (const auto since = model.since.find(document); since != model.since.end()) {
        allowed.insert(allowed.end(), since->second.begin(), since->second.end());
      }
      ASSERT_THAT(allowed, testing::Contains(found)) << where << ", document " << document;
    }
    ASSERT_EQ(server.stop(), 0) << where;
  }
  void begin_anew() {
    std::filesystem::remove_all(dir_.path() + "/data");
    std::filesystem::remove(dir_.path() + "/count");
  }
  void sweep(unsigned step);
  TempDir dir_{TempDir::kFast};
  std::string config_;
};

// Every call of a life from the first start to the end. In CI each fault takes every `step`th call;
// STATOR_TORTURE: every fault at every call, power cuts with several outcomes.
void FaultyCallsTest::sweep(unsigned step) {
  const bool is_long = std::getenv("STATOR_TORTURE") != nullptr;
  ServerProcess counting({dir_.path(), 1, config_, "dev"});
  counting.set_environment(environment("none:0"));
  Model all;
  work(counting, all);
  ASSERT_EQ(all.acknowledged.size(), static_cast<std::size_t>(kDocuments)) << counting.errors();
  const unsigned count = calls();
  RecordProperty("calls", static_cast<int>(count));
  ASSERT_GT(count, 40u);
  const std::vector<std::string> faults = {"error", "full", "short", "cut", "late"};
  for (unsigned call = 1; call <= count; ++call) {
    for (std::size_t fault = 0; fault < faults.size(); ++fault) {
      const bool is_cut = faults[fault] == "cut";
      const bool is_turn = (call + fault) % step == 0 || (is_cut && call % (step / 2) == 0);
      if (!is_long && !is_turn) continue;
      for (unsigned seed = 0; seed < (is_long && is_cut ? 8u : 1u); ++seed) {
        begin_anew();
        std::vector<std::string> with = environment(faults[fault] + ":" + std::to_string(call));
        with.push_back("STATOR_CALLS_SEED=" + std::to_string(seed));
        ServerProcess server({dir_.path(), 1, config_, "dev"});
        server.set_environment(with);
        Model model;
        work(server, model);
        expect_model(model, faults[fault] + " at call " + std::to_string(call) + ", seed " +
                                std::to_string(seed));
        ASSERT_FALSE(HasFatalFailure());
      }
    }
  }
}

TEST_F(FaultyCallsTest, AFaultAtAnyCallLosesNothing) { sweep(4); }

TEST_F(FaultyCallsTest, AFaultAtAnyCallLosesNothingOfAnEncryptedLog) {
  config_ = encryption_config(dir_.path());
  sweep(8);
}

// Power cuts during recovery from a power cut.
TEST_F(FaultyCallsTest, APowerCutWhileItStartsAgainLosesNothing) {
  ServerProcess server({dir_.path(), 1, "", "dev"});
  server.set_environment(environment("none:0"));
  Model model;
  ASSERT_TRUE(server.start());
  {
    Client client(server.port());
    for (int document = 0; document < kDocuments; ++document)
      ASSERT_TRUE(change(client, model, document, 10 + document));
  }
  server.kill();
  for (unsigned call = 1; call <= 12; ++call) {
    server.set_environment(environment("cut:" + std::to_string(call)));
    if (server.start()) server.kill();
  }
  expect_model(model, "after cuts at start");
}

class FailingDiskTest : public FaultyCallsTest {
 protected:
  void start(const std::string& fault) {
    server_.set_environment(environment(fault + ":0"));
    ASSERT_TRUE(server_.start()) << server_.errors();
    client_ = std::make_unique<Client>(server_.port());
    for (int document = 0; document < kDocuments; ++document)
      ASSERT_TRUE(change(*client_, model_, document, 10));
  }
  void switch_on() const { std::ofstream(dir_.path() + "/switch") << "on"; }
  void switch_off() const { std::filesystem::remove(dir_.path() + "/switch"); }
  json stats() { return ask(*client_, {{"op", "server_stats"}})["payload"]; }
  json put() {
    return ask(*client_, {{"op", "point_put"}, {"document_id", "d0"}, {"data", {{"v", 11}}}});
  }
  void expect_reads() {
    EXPECT_EQ(ask(*client_, {{"op", "point_get"}, {"document_id", "d1"}})["payload"]["v"], 10);
  }
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
  std::unique_ptr<Client> client_;
  Model model_;
};

TEST_F(FailingDiskTest, AFailedWriteOfTheLogStopsWritesAtOnceAndForGood) {
  start("error");
  EXPECT_EQ(stats()["log"], "ok");
  switch_on();
  json answer = put();
  EXPECT_EQ(answer["error_code"], "wal") << answer;
  EXPECT_EQ(stats()["log"], "failed");
  expect_reads();
  switch_off();
  EXPECT_EQ(put()["error_code"], "wal") << "what the disk holds is unknown until a restart";
  expect_reads();
  client_.reset();
  server_.kill();
  server_.set_environment({});
  model_.since[0].push_back(11);
  expect_model(model_, "after a failed write");
}

TEST_F(FailingDiskTest, AFailedCheckpointLosesNothingAndIsMadeUpFor) {
  start("full");
  switch_on();
  const json answer = ask(*client_, {{"op", "checkpoint"}});
  EXPECT_EQ(answer["status"], "error") << answer;
  expect_reads();
  switch_off();
  const json retried = ask(*client_, {{"op", "checkpoint"}});
  EXPECT_EQ(retried["status"], "ok") << retried;
  ASSERT_TRUE(change(*client_, model_, 2, 12));
  client_.reset();
  server_.kill();
  server_.set_environment({});
  expect_model(model_, "after a failed checkpoint");
}

// A refused write must leave nothing in the log that a replay would find.
TEST(RefusedWriteTest, LeavesNoRecord) {
  TempDir dir(TempDir::kFast);
  ServerProcess server({dir.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  const auto ask = [&](const std::string& request) { return json::parse(client.ask(request)); };
  ASSERT_EQ(ask(R"({"op":"point_put","document_id":"a","data":{"v":1}})")["status"], "ok");
  ASSERT_EQ(ask(R"({"op":"vector_upsert","document_id":"a","vector":[1,2]})")["status"], "ok");
  const auto last = [&] {
    return json::parse(
        ask(R"({"op":"server_stats","payload_format":"json"})")["payload"].dump())["last_lsn"];
  };
  const json before = last();
  for (
      const std::string refused :
      {R"({"op":"point_put","document_id":"a","data":{"v":2},"if_absent":true})",
       R"({"op":"vector_upsert","document_id":"b","vector":[1,2,3]})",
       R"({"op":"crdt_apply","document_id":"c","delta":"AAAA////"})",
       R"({"op":"document_batch_insert","documents":[{"document_id":"n","data":{}},{"document_id":"a","data":{}}]})",
       R"({"op":"batch","ops":[{"op":"point_put","document_id":"n","data":{}},{"op":"point_get","document_id":"none"}]})"}) {
    EXPECT_EQ(ask(refused)["status"], "error") << refused;
  }
  EXPECT_EQ(last(), before);
}

}  // namespace
}  // namespace stator::test
