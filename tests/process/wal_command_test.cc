// `statord wal ...` and `--recover-to` on the data of a server that was killed.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

class WalCommandTest : public testing::Test {
 protected:
  // Documents 1..count, each a write of its own, killed: nothing is in the base. LSN of each.
  std::vector<std::uint64_t> write_and_kill(int count) {
    std::vector<std::uint64_t> lsns;
    EXPECT_TRUE(server_.start()) << server_.errors();
    {
      Client client(server_.port());
      for (int n = 1; n <= count; ++n) {
        const json answer = json::parse(
            client.ask(R"({"op":"point_put","collection":"a\"b","document_id":"d)" +
                       std::to_string(n) + R"(","data":{"n":)" + std::to_string(n) + "}}"));
        EXPECT_EQ(answer["status"], "ok") << answer;
        lsns.push_back(answer["watermark_lsn"]);
      }
    }
    server_.kill();
    return lsns;
  }
  // How many of the documents 1..count are there, from the first on; none may follow a missing one.
  int documents(int count) {
    Client client(server_.port());
    int found = 0;
    for (int n = 1; n <= count; ++n) {
      const json answer = json::parse(client.ask(
          R"({"op":"point_get","collection":"a\"b","document_id":"d)" + std::to_string(n) + "\"}"));
      if (answer["status"] != "ok") continue;
      EXPECT_EQ(found, n - 1) << "a document is missing before d" << n;
      found = n;
    }
    return found;
  }
  CommandResult wal(const std::string& action, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"wal", action, "--data-dir", data_});
    return run_statord(arguments);
  }
  std::string segment() const { return data_ + "/wal/00000000000000000001.wal"; }
  // Turns a bit in the record of a document, which is found by its id.
  void damage(int document) {
    std::fstream file(segment(), std::ios::in | std::ios::out | std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    const std::size_t at = bytes.find("d" + std::to_string(document), 8192);
    ASSERT_NE(at, std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(bytes[at] ^ 1));
  }

  TempDir dir_;
  const std::string data_ = dir_.path() + "/data";
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
};

TEST_F(WalCommandTest, InspectShowsSegmentsAndRecordsAsJsonWhateverTheyHold) {
  const auto lsns = write_and_kill(3);
  const CommandResult brief = wal("inspect");
  ASSERT_EQ(brief.exit_code, 0) << brief.errors;
  const auto segments = lines_of(brief.out);
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0]["segment"], "00000000000000000001.wal");
  EXPECT_EQ(segments[0]["first_lsn"], 1);
  EXPECT_EQ(segments[0]["last_lsn"], lsns.back());
  EXPECT_EQ(segments[0]["records"], lsns.back());
  EXPECT_EQ(segments[0]["problem"], nullptr);

  const std::string last = std::to_string(lsns.back());
  const auto records =
      lines_of(wal("inspect", {"--records", "--from", std::to_string(lsns[1]), "--to", last}).out);
  ASSERT_EQ(records.size(), 3u);  // two records and the segment
  EXPECT_EQ(records[0]["lsn"], lsns[1]);
  EXPECT_EQ(records[0]["engine"], "document");
  EXPECT_EQ(records[0]["tenant"], 1);
  EXPECT_EQ(records[0]["collection"], "a\"b");
  EXPECT_GT(records[0]["payload_bytes"], 0);
  EXPECT_GT(records[0]["time_ms"], 0);
  EXPECT_TRUE(records[0].contains("vshard") && records[0].contains("type"));
  EXPECT_FALSE(records[0].contains("payload"));
  const auto with =
      lines_of(wal("inspect", {"--records", "--payload", "--from", last, "--to", last}).out);
  EXPECT_TRUE(with[0]["payload"].is_string());
}

TEST_F(WalCommandTest, IsRefusedWhileAServerRuns) {
  ASSERT_TRUE(server_.start());
  for (const std::string action : {"inspect", "verify"}) {
    const CommandResult answer = wal(action);
    EXPECT_EQ(answer.exit_code, 1);
    EXPECT_THAT(answer.errors, HasSubstr("in use by process"));
  }
  EXPECT_THAT(wal("cut", {"--to", "5", "--yes"}).errors, HasSubstr("in use by process"));
  EXPECT_EQ(server_.stop(), 0);
}

TEST_F(WalCommandTest, ANumberThatIsNoLsnIsRefused) {
  for (const std::string to : {"-1", "x", "18446744073709551616"}) {
    const CommandResult answer = wal("cut", {"--to", to, "--yes"});
    EXPECT_NE(answer.exit_code, 0);
    EXPECT_THAT(answer.errors, HasSubstr("is no LSN"));
  }
}

TEST_F(WalCommandTest, OfNoDataDirectoryIsRefusedAndMakesNone) {
  const CommandResult answer = wal("inspect");
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_THAT(answer.errors, HasSubstr("is no data directory"));
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(WalCommandTest, VerifyNamesThePlaceAndTheCommandThatGoesOn) {
  const auto lsns = write_and_kill(5);
  const CommandResult good = wal("verify");
  EXPECT_EQ(good.exit_code, 0) << good.errors;
  EXPECT_EQ(lines_of(good.out).at(0)["last_lsn"], lsns.back());
  damage(3);
  const CommandResult bad = wal("verify");
  EXPECT_EQ(bad.exit_code, 1);
  const json said = lines_of(bad.out).at(0);
  EXPECT_EQ(said["event"], "damaged");
  EXPECT_EQ(said["segment"], segment());
  EXPECT_EQ(said["last_good_lsn"], lsns[1]);
  EXPECT_THAT(said["reason"].get<std::string>(), HasSubstr("checksum"));
  EXPECT_EQ(said["command"],
            "statord wal cut --data-dir " + data_ + " --to " + std::to_string(lsns[1]) + " --yes");
  // As it says.
  EXPECT_EQ(wal("cut", {"--to", std::to_string(lsns[1]), "--yes"}).exit_code, 0);
  EXPECT_EQ(wal("verify").exit_code, 0);
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_EQ(documents(5), 2);
}

TEST_F(WalCommandTest, CutEndsTheLogAtEveryWriteNewestFirst) {
  const auto lsns = write_and_kill(4);
  for (int kept = 3; kept >= 1; --kept) {
    const std::string to = std::to_string(lsns[static_cast<std::size_t>(kept) - 1]);
    const CommandResult unsure = wal("cut", {"--to", to});
    EXPECT_EQ(unsure.exit_code, 1);
    EXPECT_THAT(unsure.errors, HasSubstr("nothing was changed, --yes does it"));
    const CommandResult done = wal("cut", {"--to", to, "--yes"});
    ASSERT_EQ(done.exit_code, 0) << done.errors;
    EXPECT_GT(lines_of(done.out).at(0)["dropped_bytes"], 0);
    ASSERT_TRUE(server_.start()) << server_.errors();
    EXPECT_EQ(documents(4), kept);
    server_.kill();
  }
}

TEST_F(WalCommandTest, CutRefusesBelowWhatTheBaseHolds) {
  const auto lsns = write_and_kill(2);
  ASSERT_TRUE(server_.start());
  EXPECT_EQ(server_.stop(), 0);
  const CommandResult answer = wal("cut", {"--to", std::to_string(lsns[0]), "--yes"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_THAT(answer.errors,
              HasSubstr("the stores hold records up to LSN " + std::to_string(lsns[1])));
}

TEST_F(WalCommandTest, RecoverToIsWhatARefusalOffersAndItWarns) {
  const auto lsns = write_and_kill(5);
  damage(4);
  EXPECT_FALSE(server_.start());
  const std::string to = std::to_string(lsns[2]);
  EXPECT_EQ(server_.exit_code(), 1);
  EXPECT_THAT(server_.errors(), HasSubstr("--recover-to " + to));
  EXPECT_THAT(server_.errors(),
              HasSubstr("without the records above LSN " + to + ", which are lost"));

  server_.set_arguments({"--recover-to", std::to_string(lsns[3])});
  EXPECT_FALSE(server_.start());
  EXPECT_EQ(server_.exit_code(), 78);
  EXPECT_THAT(server_.errors(), HasSubstr("is damaged behind LSN " + to));

  server_.set_arguments({"--recover-to", to});
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_THAT(server_.errors(), HasSubstr("records above LSN " + to + " are lost: dropped "));
  EXPECT_EQ(json::parse(server_.ready_line())["recovered_lsn"], lsns[2]);
  EXPECT_EQ(documents(5), 3);
  server_.kill();
  // Nothing was written since: the option does nothing.
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_EQ(documents(5), 3);
}

// After a clean stop the base holds everything: damage in the log costs nothing, and the way on
// says so.
TEST_F(WalCommandTest, DamageInWhatTheBaseHoldsLosesNothing) {
  const auto lsns = write_and_kill(4);
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_EQ(server_.stop(), 0);
  damage(2);
  EXPECT_FALSE(server_.start());
  EXPECT_THAT(server_.errors(), HasSubstr("up to which the stores hold everything"));
  const std::string to = std::to_string(lsns.back());
  EXPECT_THAT(lines_of(wal("verify").out).at(0)["command"].get<std::string>(),
              HasSubstr("--to " + to + " --yes"));
  const CommandResult cut = wal("cut", {"--to", to, "--yes"});
  ASSERT_EQ(cut.exit_code, 0) << cut.errors;
  EXPECT_EQ(wal("verify").exit_code, 0);
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_EQ(json::parse(server_.ready_line())["recovered_lsn"], lsns.back());
  EXPECT_EQ(documents(4), 4);
  EXPECT_EQ(json::parse(Client(server_.port())
                            .ask(R"({"op":"point_put","document_id":"e","data":{}})"))["status"],
            "ok");
  server_.kill();
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_EQ(documents(4), 4);
}

// Left in a script, the option must not drop what was written after the repair.
TEST_F(WalCommandTest, RecoverToRefusesAWholeLogThatGoesOn) {
  const auto lsns = write_and_kill(3);
  server_.set_arguments({"--recover-to", std::to_string(lsns[0])});
  EXPECT_FALSE(server_.start());
  EXPECT_EQ(server_.exit_code(), 78);
  EXPECT_THAT(server_.errors(),
              HasSubstr("the log is not damaged and ends with LSN " + std::to_string(lsns[2])));
  server_.set_arguments({});
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_EQ(documents(3), 3);
}

TEST_F(WalCommandTest, RecoverToWorksTogetherWithAnotherNumberOfLanes) {
  const auto lsns = write_and_kill(5);
  damage(4);
  server_.set_lanes(3);
  server_.set_arguments({"--recover-to", std::to_string(lsns[2])});
  ASSERT_TRUE(server_.start()) << server_.errors();
  EXPECT_EQ(documents(5), 3);
  EXPECT_EQ(server_.stop(), 0);
}

}  // namespace
}  // namespace stator::test
