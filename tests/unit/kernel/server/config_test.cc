#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::server {
namespace {

std::string fault_of(const std::string& text) {
  Config config;
  auto status = parse_config(text, "stator.toml", config);
  return status.ok() ? "" : status.error().sentence();
}

TEST(ConfigTest, ReadsEverySetting) {
  Config config;
  auto status = parse_config(R"(
engines = ["document", "vector"]
[server]
listen = "127.0.0.1:7000"
data_dir = "/tmp/x"
lanes = 2
log_level = "warn"
memory_limit_mib = 512
log_segment_mib = 4
[auth]
mode = "password"
[changes]
retain_mib = 10
retain_s = 60
[backup]
directory = "/var/backups/stator"
[encryption]
key_file = "/etc/stator/keys"
[engine.vector]
threads = 3
)", "stator.toml", config);
  ASSERT_TRUE(status.ok()) << status.error().sentence();
  EXPECT_EQ(config.listen, "127.0.0.1:7000");
  EXPECT_EQ(config.memory_limit_bytes, std::uint64_t{512} << 20);
  EXPECT_EQ(config.data_dir, "/tmp/x");
  EXPECT_EQ(config.lanes, 2u);
  EXPECT_EQ(config.auth_mode, auth::Mode::kPassword);
  EXPECT_EQ(config.backup_directory, "/var/backups/stator");
  EXPECT_EQ(config.history.bytes, 10u * 1024 * 1024);
  EXPECT_EQ(config.history.ms, 60'000u);
  EXPECT_EQ(config.key_file, "/etc/stator/keys");
  EXPECT_EQ(config.log_segment_bytes, 4u * 1024 * 1024);
  EXPECT_THAT(*config.engines, testing::ElementsAre("document", "vector"));
  EXPECT_EQ(config.engine_config["vector"], R"({"threads":3})");
}

TEST(ConfigTest, AnUnknownKeyNamesLineAndNearest) {
  EXPECT_EQ(fault_of("[server]\nlistn = \"x\"\n"),
            "stator.toml:2: unknown key 'server.listn'; did you mean 'server.listen'?");
  EXPECT_EQ(fault_of("enginess = []\n"), "stator.toml:1: unknown key 'enginess'; did you mean 'engines'?");
}

TEST(ConfigTest, WrongTypesAndValuesNameTheLine) {
  EXPECT_EQ(fault_of("[server]\n\nlanes = 0\n"), "stator.toml:3: 'server.lanes' must be a whole number from 1 to 64");
  EXPECT_EQ(fault_of("[auth]\nmode = \"none\"\n"), "stator.toml:2: 'auth.mode' must be \"trust\" or \"password\"");
  EXPECT_EQ(fault_of("engines = \"document\"\n"), "stator.toml:1: 'engines' must be a list of strings");
  EXPECT_EQ(fault_of("[backup]\ndirectory = \"\"\n"), "stator.toml:2: 'backup.directory' must not be empty");
  EXPECT_EQ(fault_of("[changes]\nretain_mib = -1\n"),
            "stator.toml:2: 'changes.retain_mib' must be a whole number from 0 to 16777216");
  EXPECT_EQ(fault_of("[changes]\nretain_s = 1.5\n"),
            "stator.toml:2: 'changes.retain_s' must be a whole number from 0 to 316224000");
  EXPECT_EQ(fault_of("[changes]\nretain_mb = 1\n"),
            "stator.toml:2: unknown key 'changes.retain_mb'; did you mean 'changes.retain_mib'?");
  EXPECT_EQ(fault_of("[backup]\ndirectory = 7\n"), "stator.toml:2: 'backup.directory' must be a string");
  for (const std::string wrong : {"0", "65", "1.5"}) {
    EXPECT_EQ(fault_of("[server]\nlog_segment_mib = " + wrong + "\n"),
              "stator.toml:2: 'server.log_segment_mib' must be a whole number from 1 to 64");
  }
  EXPECT_EQ(fault_of("[encryption]\nkey_file = \"\"\n"),
            "stator.toml:2: 'encryption.key_file' must not be empty");
  EXPECT_EQ(fault_of("[encryption]\nkey = \"x\"\n"),
            "stator.toml:2: unknown key 'encryption.key'; did you mean 'encryption.key_file'?");
  EXPECT_EQ(fault_of("backup = \"/x\"\n"), "stator.toml:1: 'backup' must be a table [backup]");
  EXPECT_EQ(fault_of("[backup]\ndirectori = \"x\"\n"),
            "stator.toml:2: unknown key 'backup.directori'; did you mean 'backup.directory'?");
  EXPECT_THAT(fault_of("[server\n"), testing::HasSubstr("stator.toml:1"));
}

TEST(ConfigTest, ReadsWhatHttpIsToldAndRefusesOriginsThatNoBrowserSends) {
  Config config;
  auto status = parse_config(R"(
[server]
http_listen = "127.0.0.1:0"
https_listen = "0.0.0.0:443"
[http]
cors_origins = ["https://app.example", "http://localhost:3000", "*"]
allowed_hosts = ["db.lan"]
)", "stator.toml", config);
  ASSERT_TRUE(status.ok()) << status.error().sentence();
  EXPECT_EQ(config.http_listen, "127.0.0.1:0");
  EXPECT_EQ(config.https_listen, "0.0.0.0:443");
  EXPECT_EQ(config.http_origins.size(), 3u);
  EXPECT_THAT(config.http_hosts, testing::ElementsAre("db.lan"));
  EXPECT_EQ(config.http_heartbeat_ms, kHttpHeartbeatMsDefault);
  for (const char* often : {"0", "-1", "3601", "1.5"}) {
    EXPECT_THAT(fault_of("[http]\nheartbeat_s = " + std::string(often) + "\n"),
                testing::HasSubstr("'http.heartbeat_s' must be a whole number from 1 to 3600"));
  }
  EXPECT_EQ(config.peer_timeout_s, kPeerTimeoutSDefault);
  for (const char* often : {"3", "0", "-1", "3601", "4.5"}) {
    EXPECT_THAT(
        fault_of("[server]\npeer_timeout_s = " + std::string(often) + "\n"),
        testing::HasSubstr("'server.peer_timeout_s' must be a whole number from 4 to 3600"));
  }
  for (const char* origin : {"app.example", "https://", "https://app.example/", "https://app.example/x", ""}) {
    EXPECT_THAT(fault_of("[http]\ncors_origins = [\"" + std::string(origin) + "\"]\n"),
                testing::HasSubstr("stator.toml:2: 'http.cors_origins' must hold origins"))
        << origin;
  }
}

}  // namespace
}  // namespace stator::server
