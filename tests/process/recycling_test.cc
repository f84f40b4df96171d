// The real server whose log goes round in a few files: kill -9 at any place of the circle, plain
// and encrypted.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <vector>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

class RecyclingTest : public testing::TestWithParam<bool> {
 protected:
  RecyclingTest() {
    std::string config = "[server]\nlog_segment_mib = 1\n[changes]\nretain_mib = 0\n";
    if (GetParam()) config += encryption_config(dir_.path());
    server_.set_config(config);
  }
  json ask(Client& client, json request) {
    request["payload_format"] = "json";
    return json::parse(client.ask(request.dump()));
  }
  void put(Client& client) {
    const json answer = ask(client, {{"op", "point_put"},
                                     {"document_id", "d" + std::to_string(++count_ % kDocuments)},
                                     {"data", {{"n", count_}, {"f", std::string(20'000, 'f')}}}});
    ASSERT_EQ(answer["status"], "ok") << answer;
  }
  void expect_all(Client& client) {
    for (int n = std::max(1, count_ - kDocuments + 1); n <= count_; ++n) {
      const json answer =
          ask(client, {{"op", "point_get"}, {"document_id", "d" + std::to_string(n % kDocuments)}});
      ASSERT_EQ(answer["payload"]["n"], n) << answer;
    }
  }
  // By inode: a file that is renamed is the same.
  std::vector<ino_t> files(bool is_segment) const {
    std::vector<ino_t> inodes;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path() + "/data/wal")) {
      struct stat about {};
      const std::string name = entry.path().filename();
      if (is_segment ? !name.ends_with(".wal") : !name.starts_with("kept-")) continue;
      if (::stat(entry.path().c_str(), &about) == 0) inodes.push_back(about.st_ino);
    }
    return inodes;
  }

  static constexpr int kDocuments = 40;
  TempDir dir_;
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
  int count_ = 0;
};

TEST_P(RecyclingTest, AKillAnywhereInTheCircleLosesNothing) {
  std::set<ino_t> kept;
  std::size_t used_again = 0;
  for (int round = 0; round < 6; ++round) {
    ASSERT_TRUE(server_.start()) << server_.errors();
    Client client(server_.port());
    expect_all(client);
    kept.clear();  // what an earlier run kept is not used
    for (int turn = 0; turn < 4; ++turn) {
      for (int i = 0; i < 60 + 7 * round; ++i) {  // a little more than a segment
        put(client);
        for (const ino_t inode : files(false)) kept.insert(inode);
        for (const ino_t inode : files(true)) used_again += kept.erase(inode);
      }
      ASSERT_EQ(ask(client, {{"op", "checkpoint"}})["status"], "ok");
    }
    EXPECT_LE(files(false).size(), 2u);
    server_.kill();
  }
  EXPECT_GT(used_again, 6u);
  ASSERT_TRUE(server_.start()) << server_.errors();
  Client client(server_.port());
  expect_all(client);
  EXPECT_EQ(server_.stop(), 0);
  std::vector<std::string> verify = {"wal", "verify", "--data-dir", dir_.path() + "/data"};
  if (GetParam()) verify.insert(verify.end(), {"--key-file", dir_.path() + "/keys"});
  const CommandResult verified = run_statord(verify);
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
}

INSTANTIATE_TEST_SUITE_P(Logs, RecyclingTest, testing::Bool(), [](const auto& param) {
  return std::string(param.param ? "Encrypted" : "Plain");
});

}  // namespace
}  // namespace stator::test
