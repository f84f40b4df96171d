// A lane that does not come back, and what the others do meanwhile.
#include <fcntl.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/cost_probe.h"
#include "support/places.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

constexpr int kDocuments = 40;
// Of kernel/base/limits.h: requests of one lane at another, when background and when normal ones
// are refused, and bytes of a read then.
constexpr std::size_t kRingPressed = 3264;
constexpr std::size_t kRingFull = 3648;
constexpr std::size_t kReadBytesPressed = 16u * 1024;
constexpr std::size_t kFrameBytes = 4u * 1024 * 1024;

class HeldLaneTest : public testing::Test {
 protected:
  explicit HeldLaneTest(std::uint32_t stuck_ms)
      : server_{{dir_.path(), 2,
                 "engine_path = [\"" + in_build("tests/engines") +
                     "\"]\nengines = [\"document\", \"hostile\"]\n[server]\nlane_stuck_ms = " +
                     std::to_string(stuck_ms) + "\n",
                 "dev"}} {}
  void SetUp() override {
    ASSERT_TRUE(server_.start()) << server_.errors();
    clients_[0] = connect(0);
    clients_[1] = connect(1);
    observer_.reset();  // wherever it lives
    for (int i = 0; i < kDocuments; ++i) ask(put(i));
  }
  // Before the lane is held.
  std::unique_ptr<Client> connect(std::size_t lane) {
    for (;;) {
      const std::vector<std::uint64_t> before = connections();
      auto client = std::make_unique<Client>(server_.port());
      client->ask(R"({"op":"ping"})");
      if (connections()[lane] > before[lane]) return client;
    }
  }
  json stats(Client& client) {
    return json::parse(client.ask(R"({"op":"server_stats","payload_format":"json"})"))["payload"];
  }
  std::vector<std::uint64_t> connections() {
    if (observer_ == nullptr) observer_ = std::make_unique<Client>(server_.port());
    std::vector<std::uint64_t> by_lane;
    const json seen = stats(*observer_);
    for (const json& lane : seen["lanes"]) by_lane.push_back(lane["connections"]);
    return by_lane;
  }
  static std::string document(int i) { return "d" + std::to_string(i); }
  static json put(int i) {
    return {{"op", "point_put"}, {"document_id", document(i)}, {"data", {{"i", i}}}};
  }
  Client& well() { return *clients_[0]; }
  json ask(const json& request) { return json::parse(well().ask(request.dump())); }
  // How many answers of each kind, for one request of each document.
  std::map<std::string, int> get_all() {
    std::map<std::string, int> kinds;
    for (int i = 0; i < kDocuments; ++i) {
      const json answer = ask({{"op", "point_get"}, {"document_id", document(i)}});
      ++kinds[answer["status"] == "ok" ? "ok" : answer["error_code"].get<std::string>()];
    }
    return kinds;
  }
  // Holds lane 1.
  void block() {
    ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
    clients_[1]->send(json{{"op", "hostile_block"}, {"file", file_}}.dump());
    while (access((file_ + ".held").c_str(), F_OK) != 0) {
    }
  }
  void let_go() const { close(open(file_.c_str(), O_WRONLY | O_CLOEXEC)); }
  void unblock() {
    let_go();
    while (stats(well())["ready"] != true) {
    }
  }
  // The ids of those answers that need nothing of the held lane. `refused`: counts `busy` among
  // them.
  std::set<std::string> answered_by_now(Client& client, std::size_t* refused = nullptr) {
    std::set<std::string> ids;
    // What the first ping met in its turn is answered before the second.
    for (const char* ping : {"ping 1", "ping 2"}) {
      client.send(json{{"op", "ping"}, {"id", ping}}.dump());
      for (;;) {
        const json answer = json::parse(client.receive().value());
        const std::string id = answer["id"];
        if (id == ping) break;
        EXPECT_TRUE(ids.insert(id).second) << id << " was answered twice";
        if (refused == nullptr || answer["status"] == "ok") continue;
        EXPECT_EQ(answer["error_code"], "busy");
        EXPECT_GT(answer["retry_after_ms"], 0);
        ++*refused;
      }
    }
    return ids;
  }
  // Counts, and can hold up, the server's calls. A sanitizer wants to stand before a preloaded
  // library.
  void preload() {
    if (kSanitized) return;
    const std::string path = files_.path() + "/counters";
    counters_ = make_counters(path);
    ASSERT_NE(counters_, nullptr);
    server_.set_environment(
        {"LD_PRELOAD=" + in_build("tests/process/libcost_probe.so"), "STATOR_COST_PROBE=" + path});
  }

  TempDir dir_;
  TempDir files_;
  std::string file_ = files_.path() + "/block";
  ServerProcess server_;
  CostCounters* counters_ = nullptr;
  std::unique_ptr<Client> clients_[2];  // by the lane of the connection
  std::unique_ptr<Client> observer_;
};

class StuckLaneTest : public HeldLaneTest {
 protected:
  StuckLaneTest() : HeldLaneTest(200) {}
};

TEST_F(StuckLaneTest, ItsWaitersAreAnsweredAndItComesBack) {
  EXPECT_EQ(stats(well())["ready"], true);
  block();
  std::map<std::string, int> kinds = get_all();  // the first of them waits until it is noticed
  EXPECT_EQ(kinds["ok"] + kinds["lane_stuck"], kDocuments);
  EXPECT_GT(kinds["ok"], 0) << "the other lane goes on";
  EXPECT_GT(kinds["lane_stuck"], 0);

  const json seen = stats(well());
  EXPECT_EQ(seen["ready"], false);
  ASSERT_EQ(seen["not_ready"].size(), 1u);
  EXPECT_EQ(seen["not_ready"][0].get<std::string>().rfind("lane 1 ", 0), 0u) << seen["not_ready"];
  EXPECT_EQ(seen["lanes"][1]["stuck"], true);
  EXPECT_EQ(seen["lanes"][0]["stuck"], false);
  EXPECT_GT(seen["lanes"][0]["refused"]["stuck"], 0);
  const json count = ask({{"op", "document_count"}});
  EXPECT_EQ(count["error_code"], "lane_stuck");
  EXPECT_EQ(count["retryable"], true);

  unblock();
  EXPECT_EQ(json::parse(clients_[1]->receive().value())["status"], "ok") << "its own client too";
  EXPECT_EQ(get_all()["ok"], kDocuments);
  EXPECT_EQ(ask({{"op", "document_count"}, {"payload_format", "json"}})["payload"]["count"],
            kDocuments);
  EXPECT_EQ(server_.stop(), 0) << "and no task is lost: the drain ends";
}

// In one segment: requests for both lanes, and one that holds their own.
TEST_F(StuckLaneTest, WhatItReadForOthersLeavesBeforeItsOwnPart) {
  std::string bytes;
  const auto add = [&bytes](const json& request) { bytes += framed(request.dump()); };
  for (int i = 0; i < kDocuments; ++i) {
    add({{"op", "point_put"},
         {"document_id", "new" + document(i)},
         {"data", json::object()},
         {"id", i}});
  }
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  add({{"op", "hostile_block"}, {"file", file_}, {"id", "block"}});
  clients_[1]->send_raw(bytes);
  while (access((file_ + ".held").c_str(), F_OK) != 0) {
  }
  const auto get = [this](int i) {
    return ask({{"op", "point_get"}, {"document_id", "new" + document(i)}});
  };
  int theirs = 0;
  for (int i = 0; i < kDocuments; ++i) {
    json answer = get(i);
    for (int tries = 0; answer["error_code"] == "not_found" && tries < 1000; ++tries)
      answer = get(i);
    if (answer["error_code"] == "lane_stuck") continue;
    EXPECT_EQ(answer["status"], "ok") << i << ": it waits with the lane that read it";
    ++theirs;
  }
  EXPECT_GT(theirs, 0);
  unblock();
  EXPECT_EQ(server_.stop(), 0);
}

TEST_F(StuckLaneTest, ABatchThatNeedsItIsAnsweredAndHoldsNobody) {
  block();
  json batch = {{"op", "batch"}, {"ops", json::array()}};
  for (int i = 0; i < kDocuments; ++i) batch["ops"].push_back(put(i));
  EXPECT_EQ(ask(batch)["error_code"], "lane_stuck");
  EXPECT_GT(get_all()["ok"], 0) << "the lane that had prepared goes on";
  unblock();
  EXPECT_EQ(json::parse(clients_[1]->receive().value())["status"], "ok");
  EXPECT_EQ(ask(batch)["status"], "ok");
  EXPECT_EQ(server_.stop(), 0);
}

// Unique values, half of which are claimed at the lane that is stuck: no request of the connection
// is left waiting behind such a write, and what is claimed afterwards is what was written.
TEST_F(StuckLaneTest, WritesThatClaimThereAreAnsweredAndLeaveNothingBehind) {
  ask({{"op", "index_create"}, {"path", "u"}, {"kind", "unique"}});
  const auto put_unique = [](const std::string& id, int i) {
    return json{{"op", "point_put"}, {"document_id", id}, {"data", {{"u", i}}}};
  };
  block();
  for (int i = 0; i < kDocuments; ++i) {
    well().send(put_unique(document(i), i).dump());
    well().send(json{{"op", "point_get"}, {"document_id", document(i)}}.dump());
  }
  std::set<int> written;
  int read = 0;
  for (int i = 0; i < kDocuments; ++i) {
    const json put = json::parse(well().receive().value());
    const json get = json::parse(well().receive().value());
    if (put["status"] == "ok") written.insert(i);
    if (put["status"] != "ok") {
      EXPECT_EQ(put["error_code"], "lane_stuck") << put;
    }
    if (get["status"] == "ok") ++read;
    if (get["status"] != "ok") {
      EXPECT_EQ(get["error_code"], "lane_stuck") << get;
    }
  }
  EXPECT_GT(read, static_cast<int>(written.size())) << "what stood behind a round goes on";
  unblock();
  EXPECT_EQ(json::parse(clients_[1]->receive().value())["status"], "ok");
  for (int i = 0; i < kDocuments; ++i) {
    const json seen =
        ask({{"op", "point_get"}, {"document_id", document(i)}, {"payload_format", "json"}});
    const bool is_there = seen["payload"].contains("u");
    EXPECT_TRUE(is_there || written.count(i) == 0) << "an acknowledged write is lost: " << seen;
    const json other = ask(put_unique("other" + std::to_string(i), i));
    EXPECT_EQ(other["status"], is_there ? "error" : "ok") << other;
    if (is_there) {
      EXPECT_EQ(other["error_code"], "unique_violation");
    }
  }
  EXPECT_EQ(server_.stop(), 0) << "and no task is lost";
}

TEST_F(StuckLaneTest, AStopEndsWithoutItAndLosesNothing) {
  block();
  ask(put(kDocuments));  // wherever it belongs
  EXPECT_GT(get_all()["lane_stuck"], 0);
  EXPECT_EQ(server_.stop(), 1);
  EXPECT_NE(server_.errors().find("lane 1 did not come back from its work"), std::string::npos)
      << server_.errors();
  ASSERT_TRUE(server_.start()) << server_.errors();
  clients_[0] = std::make_unique<Client>(server_.port());
  EXPECT_EQ(get_all()["ok"], kDocuments);
  EXPECT_EQ(server_.stop(), 0);
}

class SlowSendTest : public HeldLaneTest {
 protected:
  SlowSendTest() : HeldLaneTest(600'000) {}
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer wants to stand before a preloaded library";
    preload();
    HeldLaneTest::SetUp();
  }
};

// Those that wait in the ring are there when the lane goes on, and it has an answer to send.
TEST_F(SlowSendTest, OtherLanesHaveTheirAnswersBeforeALaneSends) {
  block();
  std::set<std::string> open;
  for (int i = 0; i < kDocuments; ++i) {
    open.insert(document(i));
    well().send(
        json{{"op", "point_get"}, {"document_id", document(i)}, {"id", document(i)}}.dump());
  }
  for (const std::string& id : answered_by_now(well())) open.erase(id);
  ASSERT_FALSE(open.empty());
  counters_->held_lane = 2;
  let_go();
  for (; !open.empty();) {
    const json answer = json::parse(well().receive().value());
    EXPECT_EQ(answer["status"], "ok") << answer;
    EXPECT_EQ(open.erase(answer["id"].get<std::string>()), 1u);
  }
  while (counters_->held_sends == 0) {
  }
  counters_->held_lane = 0;
  EXPECT_EQ(json::parse(clients_[1]->receive().value())["status"], "ok");
  EXPECT_EQ(server_.stop(), 0);
}

// A lane that is slow but not stuck: the ring to it fills up.
class FullRingTest : public HeldLaneTest {
 protected:
  static constexpr std::size_t kClients = 4;
  static constexpr std::size_t kEach = 1000;  // requests of one, below kRequestsInFlightMax

  FullRingTest() : HeldLaneTest(600'000) {}
  void SetUp() override {
    preload();
    HeldLaneTest::SetUp();
    for (std::unique_ptr<Client>& client : fillers_) client = connect(0);
    idle_ = connect(0);
    observer_.reset();
    block();
    find_held();
  }
  // With an `id` each: those that have not answered behind a ping that came later are held. They
  // stay in the ring, `held_` of them.
  void find_held() {
    for (int i = 0; i < kDocuments; ++i) well().send(get(document(i)));
    const std::set<std::string> answered = answered_by_now(well());
    for (int i = 0; i < kDocuments; ++i) {
      if (answered.count(document(i)) > 0) continue;
      held_document_ = document(i);
      ++held_;
    }
    ASSERT_GT(held_, 0u);
    ASSERT_LT(held_, std::size_t{kDocuments});
  }
  static std::string get(const std::string& id, const std::string& document, const char* priority) {
    return json{{"op", "point_get"}, {"document_id", document}, {"id", id}, {"priority", priority}}
        .dump();
  }
  static std::string get(const std::string& document) { return get(document, document, "normal"); }
  // More of this priority than the ring takes. How many were refused.
  std::size_t fill(const char* priority) {
    std::size_t refused = 0;
    for (std::size_t at = 0; at < kClients; ++at) {
      for (std::size_t i = 0; i < kEach; ++i) {
        const std::string id = priority + std::to_string(i);
        fillers_[at]->send(get(id, held_document_, priority));
        open_[at].insert(id);
      }
      for (const std::string& id : answered_by_now(*fillers_[at], &refused)) open_[at].erase(id);
    }
    return refused;
  }
  json refusal_of(const char* priority) {
    return json::parse(idle_->ask(get("one", held_document_, priority)));
  }
  // It is taken, and waits.
  void expect_place(const char* priority) {
    fillers_[0]->send(get("placed", held_document_, priority));
    EXPECT_TRUE(answered_by_now(*fillers_[0]).empty());
    open_[0].insert("placed");
  }
  // Each of them once, and ok.
  void receive_open() {
    for (std::size_t at = 0; at < kClients; ++at) {
      while (!open_[at].empty()) {
        const json answer = json::parse(fillers_[at]->receive().value());
        EXPECT_EQ(answer["status"], "ok") << answer;
        ASSERT_EQ(open_[at].erase(answer["id"].get<std::string>()), 1u) << answer;
      }
    }
  }

  std::unique_ptr<Client> fillers_[kClients];
  std::unique_ptr<Client> idle_;          // has nothing open
  std::set<std::string> open_[kClients];  // ids of requests that wait for the held lane
  std::string held_document_;             // a document of it
  std::size_t held_ = 0;
};

TEST_F(FullRingTest, AtNinetyFivePercentRequestsAreBusyAndThoseTakenAreAnswered) {
  EXPECT_EQ(fill("normal"), kClients * kEach - (kRingFull - held_));
  EXPECT_EQ(refusal_of("background")["error_code"], "busy");
  EXPECT_GT(refusal_of("background")["retry_after_ms"], refusal_of("normal")["retry_after_ms"]);
  expect_place("critical");
  const json seen = stats(*idle_);
  EXPECT_EQ(seen["lanes"][0]["refused"]["low"], 2);
  let_go();
  receive_open();
  for (std::size_t i = 0; i < held_; ++i) {
    EXPECT_EQ(json::parse(well().receive().value())["status"], "ok");
  }
  EXPECT_EQ(get_all()["ok"], kDocuments);
  EXPECT_EQ(server_.stop(), 0);
}

TEST_F(FullRingTest, AtEightyFivePercentWhatCanWaitIsBusyAndSocketsAreReadSlower) {
  const std::string frame = R"({"op":"ping")" + std::string(kFrameBytes, ' ') + "}";
  EXPECT_EQ(fill("background"), kClients * kEach - (kRingPressed - held_));
  const std::uint64_t before = counters_ == nullptr ? 0 : counters_->receives.load();
  EXPECT_NE(idle_->ask(frame).find(R"("ok")"), std::string::npos);
  if (counters_ != nullptr) {
    EXPECT_GE(counters_->receives - before, kFrameBytes / kReadBytesPressed);
  }
  expect_place("normal");
  let_go();
  receive_open();
  EXPECT_EQ(server_.stop(), 0);
}

}  // namespace
}  // namespace stator::test
