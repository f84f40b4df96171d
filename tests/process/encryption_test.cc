// The real server with an encrypted log: kill -9, keys that change while it writes, commands, backups,
// and what is said when a key is missing.
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kSecret = "plaintextmarker";

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class EncryptionTest : public testing::Test {
 protected:
  // The key that new writes take; the configuration that names its file.
  std::string with_key(unsigned active) const { return encryption_config(dir_.path(), active); }
  std::string key_file() const { return dir_.path() + "/keys"; }

  // The key of each segment, oldest first; 0: plain.
  std::vector<unsigned> keys_of_segments() const {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(data_ + "/wal")) {
      if (entry.path().extension() == ".wal") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<unsigned> keys;
    for (const auto& path : paths) {
      keys.push_back(static_cast<unsigned char>(content_of(path).at(8)));
    }
    return keys;
  }
  static bool log_holds(const std::string& data, const std::string& text) {
    for (const auto& entry : std::filesystem::directory_iterator(data + "/wal")) {
      if (content_of(entry.path()).find(text) != std::string::npos) return true;
    }
    return false;
  }
  void put(Client& client, int number) {
    const json answer = json::parse(client.ask(R"({"op":"point_put","document_id":"d)" + std::to_string(number) +
                                               R"(","data":{"text":")" + kSecret + std::to_string(number) + "\"}}"));
    ASSERT_EQ(answer["status"], "ok") << answer;
  }
  void expect_all(int count) { expect_all(server_, count); }
  static void expect_all(const ServerProcess& server, int count) {
    Client client(server.port());
    for (int n = 1; n <= count; ++n) {
      const json answer = json::parse(client.ask(R"({"op":"point_get","payload_format":"json","document_id":"d)" +
                                                 std::to_string(n) + "\"}"));
      ASSERT_EQ(answer["payload"]["text"], kSecret + std::to_string(n)) << answer;
    }
  }
  // Makes the running server take another key, and waits until a write has it.
  void rotate(Client& client, unsigned key, int& count) {
    with_key(key);
    ASSERT_EQ(::kill(server_.pid(), SIGHUP), 0);
    for (int tries = 0; tries < 20'000; ++tries) {
      put(client, ++count);
      if (keys_of_segments().back() == key) return;
    }
    FAIL() << "the key was never taken: " << server_.errors();
  }
  CommandResult wal(const std::string& action, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"wal", action, "--data-dir", data_});
    return run_statord(arguments);
  }
  void expect_no_key_in(const std::string& text) {
    for (const unsigned number : {1u, 2u, 3u}) EXPECT_THAT(text, Not(HasSubstr(test_key(number))));
  }

  TempDir dir_;
  const std::string data_ = dir_.path() + "/data";
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
};

TEST_F(EncryptionTest, SurvivesKillsWhileKeysChange) {
  std::mt19937 random(1);
  // Small files: each round looks for plain text in all of them.
  server_.set_config("[server]\nlog_segment_mib = 1\n" + with_key(1));
  ASSERT_TRUE(server_.start()) << server_.errors();
  int count = 0;
  std::set<unsigned> seen;
  for (unsigned round = 0; round < 5; ++round) {
    {
      Client client(server_.port());
      for (int i = 0; i < 20; ++i) put(client, ++count);
      rotate(client, 1 + (round + 1) % 3, count);
      // Further ones are under way when it is killed.
      for (std::size_t i = random() % 30; i > 0; --i) {
        client.send(R"({"op":"point_put","document_id":"x","data":{"text":")" + kSecret + "\"}}");
      }
      server_.kill();
    }
    for (const unsigned key : keys_of_segments()) seen.insert(key);
    EXPECT_FALSE(log_holds(data_, kSecret));
    ASSERT_TRUE(server_.start()) << server_.errors();
    expect_all(count);
  }
  EXPECT_EQ(seen, (std::set<unsigned>{1, 2, 3}));
  EXPECT_THAT(server_.errors(), HasSubstr("the log is encrypted, the store and the backups are not"));
  expect_no_key_in(server_.errors());
  EXPECT_EQ(server_.stop(), 0);
}

TEST_F(EncryptionTest, IsTurnedOnAndOff) {
  int count = 0;
  for (const unsigned key : {9u, 1u, 0u, 2u}) {  // 9: without the section
    server_.set_config(key == 9 ? "" : with_key(key));
    ASSERT_TRUE(server_.start()) << server_.errors();
    expect_all(count);
    Client client(server_.port());
    for (int i = 0; i < 5; ++i) put(client, ++count);
    server_.kill();
  }
  ASSERT_TRUE(server_.start()) << server_.errors();
  expect_all(count);
  EXPECT_EQ(keys_of_segments(), (std::vector<unsigned>{0, 1, 0, 2}));
}

TEST_F(EncryptionTest, WithoutItsKeyOneSentenceNamesKeyAndSegment) {
  server_.set_config(with_key(2));
  ASSERT_TRUE(server_.start()) << server_.errors();
  {
    Client client(server_.port());
    int count = 0;
    put(client, ++count);
  }
  server_.kill();
  const std::string segment = data_ + "/wal/00000000000000000001.wal";
  const auto refuses = [&](const std::string& why) {
    EXPECT_FALSE(server_.start());
    EXPECT_EQ(server_.exit_code(), 78);
    EXPECT_THAT(server_.errors(), HasSubstr("segment " + segment + " is encrypted with key 2, " + why));
  };
  server_.set_config("");
  refuses("and no key file is given");
  server_.set_config(with_key(2));
  std::ofstream(key_file()) << "active 1\n1 " << test_key(1) << "\n";
  refuses("which " + key_file() + " does not hold");
  std::ofstream(key_file()) << "active 2\n2 " << test_key(3) << "\n";
  refuses("and " + key_file() + " holds another key of that number");
  with_key(2);
  ASSERT_EQ(::chmod(key_file().c_str(), 0640), 0);
  EXPECT_FALSE(server_.start());
  EXPECT_EQ(server_.exit_code(), 78);
  EXPECT_THAT(server_.errors(), HasSubstr(key_file() + " can be read or written by others"));
  with_key(2);
  ASSERT_TRUE(server_.start()) << server_.errors();
  expect_all(1);
  expect_no_key_in(server_.errors());
}

// A key file at fault changes nothing; the server goes on with the keys that it has.
TEST_F(EncryptionTest, AFaultyKeyFileIsRefusedByARunningServer) {
  server_.set_config(with_key(1));
  ASSERT_TRUE(server_.start()) << server_.errors();
  Client client(server_.port());
  int count = 0;
  put(client, ++count);
  std::ofstream(key_file()) << "active 1\n1 " << test_key(2) << "\n";
  ASSERT_EQ(::kill(server_.pid(), SIGHUP), 0);
  const std::string said = "the keys stay as they are: " + key_file() + ": key 1 is another one";
  for (int tries = 0; tries < 20'000 && server_.errors().find(said) == std::string::npos; ++tries) {
    put(client, ++count);
  }
  EXPECT_THAT(server_.errors(), HasSubstr(said));
  rotate(client, 3, count);
  server_.kill();
  ASSERT_TRUE(server_.start()) << server_.errors();
  expect_all(count);
  expect_no_key_in(server_.errors());
}

TEST_F(EncryptionTest, CommandsTakeTheKeyFile) {
  server_.set_config(with_key(1));
  ASSERT_TRUE(server_.start()) << server_.errors();
  int count = 0;
  {
    Client client(server_.port());
    for (int i = 0; i < 4; ++i) put(client, ++count);
  }
  server_.kill();
  const std::vector<std::string> keys = {"--key-file", key_file()};
  const CommandResult blind = wal("verify");
  EXPECT_EQ(blind.exit_code, 1);
  EXPECT_THAT(blind.errors, HasSubstr("is encrypted with key 1, and no key file is given"));
  const json segment = json::parse(wal("inspect").out);
  EXPECT_EQ(segment["key"], 1);
  EXPECT_THAT(segment["problem"].get<std::string>(), HasSubstr("is encrypted with key 1"));

  const CommandResult verified = wal("verify", keys);
  ASSERT_EQ(verified.exit_code, 0) << verified.errors;
  const std::uint64_t last = json::parse(verified.out)["last_lsn"];
  const CommandResult records = wal("inspect", {"--records", "--key-file", key_file()});
  EXPECT_EQ(records.exit_code, 0);
  EXPECT_THAT(records.out, HasSubstr("\"lsn\":" + std::to_string(last)));
  expect_no_key_in(records.out);

  // A flipped bit is damage, and the way on names the key file.
  const std::string path = data_ + "/wal/00000000000000000001.wal";
  std::string bytes = content_of(path);
  const std::size_t third = bytes.find_last_not_of('\0') / 4096 * 4096 - 4096;
  bytes[third + 80] ^= 1;
  std::ofstream(path, std::ios::binary) << bytes;
  const CommandResult damaged = wal("verify", keys);
  EXPECT_EQ(damaged.exit_code, 1);
  const json said = json::parse(damaged.out);
  EXPECT_EQ(said["offset"], third);
  EXPECT_EQ(said["last_good_lsn"], last - 2);
  EXPECT_EQ(said["command"], "statord wal cut --data-dir " + data_ + " --to " + std::to_string(last - 2) +
                                 " --yes --key-file " + key_file());
  EXPECT_FALSE(server_.start());
  EXPECT_EQ(server_.exit_code(), 1);
  server_.set_arguments({"--recover-to", std::to_string(last - 2)});
  ASSERT_TRUE(server_.start()) << server_.errors();
  expect_all(count - 2);
  server_.kill();
  const CommandResult cut = wal("cut", {"--to", std::to_string(last - 3), "--yes", "--key-file", key_file()});
  EXPECT_EQ(cut.exit_code, 0) << cut.errors;
  server_.set_arguments({});
  ASSERT_TRUE(server_.start()) << server_.errors();
  expect_all(count - 3);
}

TEST_F(EncryptionTest, ABackupIsRestoredIntoAnEncryptedLog) {
  const std::string backups = "[backup]\ndirectory = \"" + dir_.path() + "/backups\"\n";
  server_.set_config(backups + with_key(1));
  ASSERT_TRUE(server_.start()) << server_.errors();
  int count = 0;
  Client client(server_.port());
  const auto backup = [&](const std::string& rest) {
    const json answer = json::parse(client.ask(R"({"op":"backup",)" + rest + "}"));
    ASSERT_EQ(answer["status"], "ok") << answer;
  };
  for (int i = 0; i < 5; ++i) put(client, ++count);
  backup(R"("name":"full")");
  rotate(client, 2, count);
  backup(R"("name":"more","base":"full")");
  const std::string into = dir_.path() + "/into";
  std::filesystem::create_directory(into);
  const CommandResult restored = run_statord({"restore", "--from", dir_.path() + "/backups/more", "--data-dir",
                                              into + "/data", "--key-file", key_file()});
  ASSERT_EQ(restored.exit_code, 0) << restored.errors;
  EXPECT_FALSE(log_holds(into + "/data", kSecret));
  ServerProcess other({into, 1, with_key(2), "dev"});
  ASSERT_TRUE(other.start()) << other.errors();
  expect_all(other, count);
}

}  // namespace
}  // namespace stator::test
