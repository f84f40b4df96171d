// A lane that does not come back, and what the others do meanwhile.
#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

constexpr int kDocuments = 40;

class StuckLaneTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start()) << server_.errors();
    while (clients_[0] == nullptr || clients_[1] == nullptr) {
      const std::vector<std::uint64_t> before = connections();
      auto client = std::make_unique<Client>(server_.port());
      client->ask(R"({"op":"ping"})");
      const std::vector<std::uint64_t> after = connections();
      for (std::size_t lane = 0; lane < 2; ++lane) {
        if (after[lane] > before[lane]) clients_[lane] = std::move(client);
      }
    }
    observer_.reset();  // wherever it lives
    for (int i = 0; i < kDocuments; ++i) {
      ask(put(i));
    }
  }
  json stats(Client& client) {
    return json::parse(client.ask(R"({"op":"server_stats","payload_format":"json"})"))["payload"];
  }
  std::vector<std::uint64_t> connections() {
    if (observer_ == nullptr) observer_ = std::make_unique<Client>(server_.port());
    std::vector<std::uint64_t> by_lane;
    for (const json& lane : stats(*observer_)["lanes"]) by_lane.push_back(lane["connections"]);
    return by_lane;
  }
  static json put(int i) {
    return {{"op", "point_put"}, {"document_id", "d" + std::to_string(i)}, {"data", {{"i", i}}}};
  }
  Client& well() { return *clients_[0]; }
  json ask(const json& request) { return json::parse(well().ask(request.dump())); }
  // How many answers of each kind, for one request of each document.
  std::map<std::string, int> get_all() {
    std::map<std::string, int> kinds;
    for (int i = 0; i < kDocuments; ++i) {
      const json answer = ask({{"op", "point_get"}, {"document_id", "d" + std::to_string(i)}});
      ++kinds[answer["status"] == "ok" ? "ok" : answer["error_code"].get<std::string>()];
    }
    return kinds;
  }
  void block() {
    const int file = open(file_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0);
    close(file);
    clients_[1]->send(json{{"op", "hostile_block"}, {"file", file_}}.dump());
  }
  void unblock() {
    ASSERT_EQ(unlink(file_.c_str()), 0);
    while (stats(well())["ready"] != true) {
    }
  }

  TempDir dir_;
  TempDir files_;
  std::string file_ = files_.path() + "/block";
  ServerProcess server_{{dir_.path(), 2,
                         "engine_path = [\"" HOSTILE_DIR
                         "\"]\nengines = [\"document\", \"hostile\"]\n[server]\nlane_stuck_ms = 200\n",
                         "dev"}};
  std::unique_ptr<Client> clients_[2];  // by the lane of the connection
  std::unique_ptr<Client> observer_;
};

TEST_F(StuckLaneTest, ItsWaitersAreAnsweredAndItComesBack) {
  EXPECT_EQ(stats(well())["ready"], true);
  block();
  // They wait until it is noticed; which of them arrive before the lane is held does not matter.
  std::map<std::string, int> kinds = get_all();
  while (kinds["lane_stuck"] == 0) kinds = get_all();
  EXPECT_EQ(kinds["ok"] + kinds["lane_stuck"], kDocuments);
  EXPECT_GT(kinds["ok"], 0) << "the other lane goes on";

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
  EXPECT_EQ(ask({{"op", "document_count"}, {"payload_format", "json"}})["payload"]["count"], kDocuments);
  EXPECT_EQ(server_.stop(), 0) << "and no task is lost: the drain ends";
}

TEST_F(StuckLaneTest, ABatchThatNeedsItIsAnsweredAndHoldsNobody) {
  block();
  json batch = {{"op", "batch"}, {"ops", json::array()}};
  for (int i = 0; i < kDocuments; ++i) batch["ops"].push_back(put(i));
  json answer = ask(batch);
  while (answer["status"] == "ok") answer = ask(batch);  // the lane is not held yet
  EXPECT_EQ(answer["error_code"], "lane_stuck");
  EXPECT_GT(get_all()["ok"], 0) << "the lane that had prepared goes on";
  unblock();
  EXPECT_EQ(json::parse(clients_[1]->receive().value())["status"], "ok");
  EXPECT_EQ(ask(batch)["status"], "ok");
  EXPECT_EQ(server_.stop(), 0);
}

}  // namespace
}  // namespace stator::test
