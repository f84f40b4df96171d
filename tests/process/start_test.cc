// What can go wrong at start is one clear sentence and a non-zero exit.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/places.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using testing::HasSubstr;

class StartTest : public testing::Test {
 protected:
  // Must not start; what it said.
  std::string refused(const std::string& config, int code, const std::string& command = "dev") {
    ServerProcess server({dir_.path(), 1, config, command});
    EXPECT_FALSE(server.start());
    EXPECT_EQ(server.exit_code(), code);
    return server.errors();
  }
  TempDir dir_;
};

TEST_F(StartTest, TheReadyLineSaysWhereAndWhat) {
  ServerProcess server({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  const auto ready = nlohmann::json::parse(server.ready_line());
  EXPECT_EQ(ready["event"], "ready");
  EXPECT_EQ(ready["engines"].size(), std::size_t{4});
  EXPECT_TRUE(ready.contains("recovered_lsn"));
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(StartTest, RefusesAPublicAddressWithoutAuthentication) {
  EXPECT_THAT(refused("[server]\nlisten = \"0.0.0.0:0\"\n", 78), HasSubstr("without authentication"));
  EXPECT_THAT(refused("[server]\nlisten = \"0.0.0.0:0\"\n[auth]\nmode = \"trust\"\n", 78, "serve"),
              HasSubstr("without authentication"));
}

TEST_F(StartTest, ServeWantsTheAuthModeSaid) {
  EXPECT_THAT(refused("[server]\nlanes = 1\n", 78, "serve"), HasSubstr("[auth] mode"));
}

TEST_F(StartTest, AMistypedKeyNamesLineAndNearestKey) {
  EXPECT_THAT(refused("[server]\nlistenn = \"127.0.0.1:0\"\n", 78), HasSubstr("stator.toml:2: unknown key 'server.listenn'; did you mean 'server.listen'?"));
}

TEST_F(StartTest, AConfigurationIsCheckedWithoutAStart) {
  const std::string file = dir_.path() + "/some.toml";
  const std::string data = dir_.path() + "/none";
  const auto run = [&](const char* command, const std::string& text) {
    std::ofstream(file) << "[server]\ndata_dir = \"" + data + "\"\n" + text;
    return run_statord({"config", command, "--config", file});
  };
  EXPECT_EQ(run("check", "[auth]\nmode = \"trust\"\n").out, "{\"event\":\"checked\"}\n");
  const CommandResult shown = run("show", "lanes = 3\n[auth]\nmode = \"trust\"\n");
  EXPECT_THAT(shown.out, HasSubstr(R"("lanes":3)"));
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"lanse = 3\n", "did you mean 'server.lanes'"},
           {"", "[auth] mode is not set"},
           {"listen = \"0.0.0.0:1\"\n[auth]\nmode = \"trust\"\n", "without authentication"},
           {"tls_listen = \"127.0.0.1:1\"\n[tls]\ncertificate = \"/x\"\nkey = \"/x\"\n[auth]\nmode "
            "= \"trust\"\n",
            "/x"},
           {"[auth]\nmode = \"trust\"\n[encryption]\nkey_file = \"/x\"\n", "/x"}}) {
    const CommandResult result = run("check", text);
    EXPECT_EQ(result.exit_code, 78) << text;
    EXPECT_THAT(result.errors, HasSubstr(why));
  }
  EXPECT_FALSE(std::filesystem::exists(data));
}

TEST_F(StartTest, TheEnvironmentGoesBeforeTheFileAndBehindTheCommandLine) {
  ServerProcess server({.data_dir = dir_.path(),
                        .config = "[server]\nhttp_listen = \"\"\nlog_level = \"info\"\n",
                        .environment = {"STATOR_SERVER__HTTP_LISTEN=127.0.0.1:0",
                                        "STATOR_SERVER__LISTEN=nonsense"}});
  ASSERT_TRUE(server.start()) << server.errors();
  EXPECT_NE(server.http_port(), 0);
  server.stop();
  server.set_environment({"STATOR_SERVER__HTTP_LISTENS=127.0.0.1:0"});
  EXPECT_FALSE(server.start());
  EXPECT_EQ(server.exit_code(), 78);
  EXPECT_THAT(server.errors(), HasSubstr("did you mean 'server.http_listen'"));
}

TEST_F(StartTest, ASignalTakesANewLogLevel) {
  ServerProcess server({.data_dir = dir_.path(), .config = "[server]\nlog_level = \"error\"\n"});
  ASSERT_TRUE(server.start()) << server.errors();
  EXPECT_EQ(server.errors(), "");
  std::ofstream(dir_.path() + "/stator.toml") << "[server]\nlog_level = \"info\"\n";
  ::kill(server.pid(), SIGHUP);
  while (server.errors().find("log level") == std::string::npos) sched_yield();
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(server.errors(), HasSubstr("stopping"));
}

TEST_F(StartTest, AMissingEngineIsNamed) {
  EXPECT_THAT(refused("engines = [\"documnt\"]\n", 1), HasSubstr("engine 'documnt' is enabled but not installed"));
}

TEST_F(StartTest, ALibraryThatIsNoEngineIsRefused) {
  std::filesystem::create_directory(dir_.path() + "/lib");
  std::ofstream(dir_.path() + "/lib/fake.so") << "not a library";
  const std::string path = "engine_path = [\"" + dir_.path() + "/lib\"]\n";
  EXPECT_THAT(refused(path + "engines = [\"fake\"]\n", 1), HasSubstr("cannot load engine library"));
}

// The engines of this build in a folder of its own, and the line of configuration for it.
class PluginFilesTest : public StartTest {
 protected:
  PluginFilesTest() {
    std::filesystem::copy(in_build("lib/stator/engines"), folder_);
    std::filesystem::permissions(folder_, std::filesystem::perms{0755});
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::filesystem::permissions(entry.path(), std::filesystem::perms{0755});
    }
  }
  static std::string trust() {
    return "[auth]\nmode = \"trust\"\n[server]\nlisten = \"127.0.0.1:0\"\n";
  }
  std::string library(const std::string& engine) const { return folder_ + "/" + engine + ".so"; }
  const std::string folder_ = dir_.path() + "/engines";
  const std::string path_ = "engine_path = [\"" + folder_ + "\"]\n";
};

TEST_F(PluginFilesTest, ALibraryThatOthersCanWriteIsRefusedByServeAndWarnedOfByDev) {
  std::filesystem::permissions(library("graph"), std::filesystem::perms{0777});
  EXPECT_THAT(refused(path_ + trust(), 1, "serve"),
              testing::AllOf(HasSubstr("graph.so has mode 0777"), HasSubstr("chmod go-w"),
                             HasSubstr("--insecure-plugins")));
  ServerProcess dev({dir_.path(), 1, path_, "dev"});
  ASSERT_TRUE(dev.start()) << dev.errors();
  EXPECT_THAT(dev.errors(), HasSubstr("graph.so has mode 0777"));
  EXPECT_EQ(dev.stop(), 0);
  ServerProcess serve({dir_.path(), 1, path_ + trust(), "serve", {"--insecure-plugins"}});
  EXPECT_TRUE(serve.start()) << serve.errors();
}

TEST_F(PluginFilesTest, AFolderThatOthersCanWriteIsRefused) {
  std::filesystem::permissions(folder_, std::filesystem::perms{0777});
  EXPECT_THAT(refused(path_ + trust(), 1, "serve"), HasSubstr("/engines has mode 0777"));
}

TEST_F(PluginFilesTest, ALockAllowsTheVeryBytesAndNothingElse) {
  const std::string lock = dir_.path() + "/plugins.lock";
  const std::string config = "plugins_lock = \"" + lock + "\"\n" + path_ + trust();
  const CommandResult made =
      run_statord({"plugin", "lock", "--engine-path", folder_, "--output", lock});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  {
    ServerProcess server({dir_.path(), 1, config, "serve"});
    ASSERT_TRUE(server.start()) << server.errors();
    Client client(server.port());
    const auto listed = nlohmann::json::parse(
        client.ask(R"({"op":"plugin_list","payload_format":"json"})"))["payload"]["plugins"];
    ASSERT_EQ(listed.size(), std::size_t{4});
    std::ifstream file(lock);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (const auto& plugin : listed)
      EXPECT_THAT(text, HasSubstr(plugin["sha256"].get<std::string>()));
    EXPECT_EQ(server.stop(), 0);
  }
  std::ofstream(library("graph"), std::ios::binary | std::ios::app) << "one byte more";
  EXPECT_THAT(refused(config, 1, "serve"), testing::AllOf(HasSubstr("graph.so: its sha256 is"),
                                                          HasSubstr("statord plugin lock")));
  const CommandResult verified =
      run_statord({"plugin", "verify", "--lock", lock, library("graph"), library("crdt")});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, testing::AllOf(HasSubstr(R"("result":"refused","reason":"cannot load)"),
                                           HasSubstr(R"("result":"ok")")));
  std::filesystem::remove(lock);
  EXPECT_THAT(refused(config, 78, "serve"), HasSubstr("plugins.lock cannot be found"));
}

// What stator-plugin-check says of a library goes into the lock, and the server may want it.
TEST_F(PluginFilesTest, AConformanceMayBeWanted) {
  const std::string lock = dir_.path() + "/plugins.lock";
  const std::string base = path_ + trust();
  const std::string wants = "plugins_min_conformance = 1\n";
  const std::string locked = "plugins_lock = \"" + lock + "\"\n";
  EXPECT_THAT(refused(wants + base, 78, "serve"),
              HasSubstr("plugins_min_conformance is set, but no plugins_lock"));
  const auto report = [&](const std::string& engine, int level) {
    const auto facts =
        nlohmann::json::parse(run_statord({"plugin", "inspect", library(engine)}).out);
    const std::string file = dir_.path() + "/" + engine + ".json";
    std::ofstream(file) << nlohmann::json{{"level", level}, {"sha256", facts["sha256"]}};
    return file;
  };
  std::vector<std::string> words = {"plugin", "lock", "--engine-path", folder_, "--output", lock};
  for (const char* engine : {"document", "vector", "graph"})
    words.insert(words.end(), {"--conformance", report(engine, 1)});
  ASSERT_EQ(run_statord(words).exit_code, 0);
  EXPECT_THAT(
      refused(wants + locked + base, 1, "serve"),
      testing::AllOf(HasSubstr("crdt.so: "), HasSubstr("says conformance 0"),
                     HasSubstr("plugins_min_conformance is 1"), HasSubstr("stator-plugin-check")));
  const CommandResult verified = run_statord(
      {"plugin", "verify", "--lock", lock, "--min-conformance", "1", "--engine-path", folder_});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, HasSubstr("says conformance 0"));

  words.insert(words.end(), {"--conformance", report("crdt", 0)});
  EXPECT_THAT(run_statord(words).errors, HasSubstr("engine 'crdt' did not pass"));
  report("crdt", 2);
  ASSERT_EQ(run_statord(words).exit_code, 0);
  {
    ServerProcess server({dir_.path(), 1, wants + locked + base, "serve"});
    ASSERT_TRUE(server.start()) << server.errors();
    Client client(server.port());
    const auto listed = nlohmann::json::parse(
        client.ask(R"({"op":"plugin_list","payload_format":"json"})"))["payload"]["plugins"];
    for (const auto& plugin : listed)
      EXPECT_EQ(plugin["conformance"], plugin["id"] == "crdt" ? 2 : 1) << plugin;
    EXPECT_EQ(server.stop(), 0);
  }
  // It is of the bytes that were checked.
  std::ofstream(library("crdt"), std::ios::binary | std::ios::app) << "one byte more";
  EXPECT_THAT(run_statord(words).errors, HasSubstr("and none of these has it"));
}

// A pair of keys as openssl makes them.
class SignedLockTest : public PluginFilesTest {
 protected:
  void make_key(const std::string& name) const {
    const std::string path = dir_.path() + "/" + name;
    const std::string make = "openssl genpkey -algorithm ed25519 -out " + path + " && chmod 600 " +
                             path + " && openssl pkey -in " + path + " -pubout -out " + path +
                             ".pub && chmod 644 " + path + ".pub";
    ASSERT_EQ(std::system(make.c_str()), 0);
  }
  CommandResult lock(const std::vector<std::string>& keys) const {
    std::vector<std::string> words = {"plugin", "lock",     "--engine-path",
                                      folder_,  "--output", lock_};
    for (const std::string& key : keys)
      words.insert(words.end(), {"--key", dir_.path() + "/" + key});
    return run_statord(words);
  }
  std::string config(const std::string& trusted) const {
    std::string list;
    for (const char key : trusted) {
      list += (list.empty() ? "\"" : ", \"") + dir_.path() + "/" + key + ".pub\"";
    }
    return "plugins_lock = \"" + lock_ + "\"\nplugins_keys = [" + list + "]\n" + path_ + trust();
  }
  void expect_start(const std::string& trusted) {
    ServerProcess server({dir_.path(), 1, config(trusted), "serve"});
    EXPECT_TRUE(server.start()) << server.errors();
    EXPECT_EQ(server.stop(), 0);
  }
  const std::string lock_ = dir_.path() + "/plugins.lock";
};

TEST_F(SignedLockTest, WithTrustedKeysTheLockMustBeSignedByOneOfThem) {
  make_key("a");
  make_key("b");
  ASSERT_EQ(lock({}).exit_code, 0);
  EXPECT_THAT(refused(config("a"), 1, "serve"),
              testing::AllOf(HasSubstr("plugins.lock has no signature"), HasSubstr("/a.pub"),
                             HasSubstr("statord plugin lock --key")));
  ASSERT_EQ(lock({"b"}).exit_code, 0);
  EXPECT_THAT(refused(config("a"), 1, "serve"),
              testing::AllOf(HasSubstr("is signed by"), HasSubstr("/a.pub")));
  EXPECT_EQ(run_statord({"plugin", "verify", "--lock", lock_, "--trusted-key",
                         dir_.path() + "/a.pub", "--engine-path", folder_})
                .exit_code,
            1);
  expect_start("ab");
  // The key changes: both sign, then the old one goes.
  ASSERT_EQ(lock({"a", "b"}).exit_code, 0);
  expect_start("a");
  expect_start("b");
  EXPECT_EQ(run_statord({"plugin", "verify", "--lock", lock_, "--trusted-key",
                         dir_.path() + "/a.pub", library("graph")})
                .exit_code,
            0);
  // What is signed is the lock, and the lock names the bytes.
  std::ofstream(library("graph"), std::ios::binary | std::ios::app) << "one byte more";
  EXPECT_THAT(refused(config("a"), 1, "serve"), HasSubstr("graph.so: its sha256 is"));
  const CommandResult facts = run_statord({"plugin", "inspect", library("graph")});
  std::ifstream file(lock_);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::string hash = nlohmann::json::parse(facts.out)["sha256"];
  text.replace(text.find("\ngraph ") + 7,
               text.find('\n', text.find("\ngraph ") + 1) - text.find("\ngraph ") - 7,
               nlohmann::json::parse(facts.out)["version"].get<std::string>() + " " + hash);
  std::ofstream(lock_) << text;
  EXPECT_THAT(refused(config("a"), 1, "serve"), HasSubstr("was changed after"));
}

TEST_F(SignedLockTest, KeysAreLookedAtLikeSecrets) {
  make_key("a");
  std::filesystem::permissions(dir_.path() + "/a", std::filesystem::perms{0640});
  EXPECT_THAT(lock({"a"}).errors, HasSubstr("make it mode 0600"));
  std::filesystem::permissions(dir_.path() + "/a", std::filesystem::perms{0600});
  ASSERT_EQ(lock({"a"}).exit_code, 0);
  EXPECT_THAT(lock({"a.pub"}).errors, HasSubstr("make it mode 0600"));
  expect_start("a");
  std::filesystem::permissions(dir_.path() + "/a.pub", std::filesystem::perms{0666});
  EXPECT_THAT(refused(config("a"), 1, "serve"), HasSubstr("a.pub has mode 0666"));
  std::filesystem::permissions(dir_.path() + "/a.pub", std::filesystem::perms{0644});
  std::ofstream(dir_.path() + "/a.pub") << "no key";
  EXPECT_THAT(refused(config("a"), 78, "serve"), HasSubstr("a.pub is no public key of Ed25519"));
  EXPECT_THAT(refused("plugins_keys = [\"/x\"]\n" + path_ + trust(), 78, "serve"),
              HasSubstr("plugins_keys is set, but no plugins_lock"));
}

TEST_F(PluginFilesTest, InspectSaysWhatALibraryIs) {
  const CommandResult result = run_statord({"plugin", "inspect", library("vector")});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const auto facts = nlohmann::json::parse(result.out);
  EXPECT_EQ(facts["id"], "vector");
  EXPECT_EQ(facts["bytes"], std::filesystem::file_size(library("vector")));
  EXPECT_EQ(run_statord({"plugin", "inspect", dir_.path() + "/none.so"}).exit_code, 1);
}

// `cp new.so live.so` under a running server: the code in memory is not that of the file any more.
TEST_F(PluginFilesTest, OverwritingTheLibrariesOfARunningServerDoesNotEndIt) {
  ServerProcess server({dir_.path(), 2, path_, "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    const auto size = std::filesystem::file_size(entry.path());
    std::ofstream(entry.path(), std::ios::binary | std::ios::trunc) << std::string(size, '\0');
  }
  Client client(server.port());
  for (const char* request :
       {R"({"op":"point_put","document_id":"a","data":{"n":1}})",
        R"({"op":"point_get","document_id":"a"})",
        R"({"op":"vector_upsert","document_id":"a","vector":[1,0]})",
        R"({"op":"edge_put","from_node":"a","to_node":"b","edge_type":"t"})"}) {
    EXPECT_THAT(client.ask(request), HasSubstr(R"("status":"ok")"));
  }
  EXPECT_EQ(server.stop(), 0);
}

TEST_F(StartTest, AnUnknownEngineSettingIsRefused) {
  EXPECT_THAT(refused("engines = [\"graph\"]\n[engine.graph]\nspeed = 9\n", 78),
              HasSubstr("unknown key 'engine.graph.speed'"));
}

TEST_F(StartTest, BackupsInTheDataDirectoryAreRefused) {
  const std::string data = dir_.path() + "/data";
  std::filesystem::create_directory_symlink(dir_.path(), dir_.path() + "/link");
  for (const std::string& inside : {data, data + "/", data + "/backups", data + "/../data/./b/c",
                                    dir_.path() + "/link/data/b"}) {
    EXPECT_THAT(refused("[backup]\ndirectory = \"" + inside + "\"\n", 78),
                HasSubstr("inside the data directory"));
  }
  ServerProcess beside({dir_.path(), 1, "[backup]\ndirectory = \"" + data + "-backups\"\n", "dev"});
  EXPECT_TRUE(beside.start()) << beside.errors();
}

TEST_F(StartTest, ABusyPortIsSaid) {
  ServerProcess first({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(first.start());
  TempDir other;
  ServerProcess second({other.path(), 1, "[server]\nlisten = \"127.0.0.1:" + std::to_string(first.port()) + "\"\n", "dev"});
  EXPECT_FALSE(second.start());
  EXPECT_EQ(second.exit_code(), 1);
  EXPECT_THAT(second.errors(), HasSubstr("in use"));
}

TEST_F(StartTest, ADirectoryServesOneServer) {
  ServerProcess first({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(first.start());
  ServerProcess second({dir_.path(), 1, "", "dev"});
  EXPECT_FALSE(second.start());
  EXPECT_THAT(second.errors(), HasSubstr("in use"));
}

TEST_F(StartTest, ACorruptLogIsRefusedWithPlace) {
  {
    ServerProcess server({dir_.path(), 1, "", "dev"});
    ASSERT_TRUE(server.start());
    Client client(server.port());
    for (int i = 0; i < 20; ++i) {
      client.ask(R"({"op":"point_put","document_id":"a","data":{"v":1}})");
    }
    server.kill();
  }
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path() + "/data/wal")) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(400);
    file.write("\x5a\x5a\x5a\x5a", 4);
  }
  ServerProcess again({dir_.path(), 1, "", "dev"});
  EXPECT_FALSE(again.start());
  EXPECT_NE(again.exit_code(), 0);
  EXPECT_THAT(again.errors(), HasSubstr(".wal"));
}

TEST_F(StartTest, ATornTailIsCutAndCounted) {
  {
    ServerProcess server({dir_.path(), 1, "", "dev"});
    ASSERT_TRUE(server.start());
    EXPECT_EQ(nlohmann::json::parse(server.ready_line())["torn_bytes"], 0);
    Client client(server.port());
    client.ask(R"({"op":"point_put","document_id":"a","data":{"v":7}})");
    client.ask(R"({"op":"point_put","document_id":"b","data":{"v":8}})");
    server.kill();
  }
  // The last commit lacks its end.
  const std::string path = dir_.path() + "/data/wal/00000000000000000001.wal";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  file.clear();
  file.seekp(static_cast<std::streamoff>(bytes.find_last_not_of('\0')));
  file.write("\0", 1);
  file.close();
  ServerProcess again({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(again.start()) << again.errors();
  EXPECT_GT(nlohmann::json::parse(again.ready_line())["torn_bytes"], 64);
  EXPECT_THAT(again.errors(), HasSubstr("cut the torn tail of the log"));
  Client client(again.port());
  EXPECT_THAT(client.ask(R"({"op":"point_get","document_id":"a"})"), HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(client.ask(R"({"op":"point_get","document_id":"b"})"), HasSubstr("not_found"));
}

TEST_F(StartTest, ACorruptLayoutIsRefused) {
  std::filesystem::create_directory(dir_.path() + "/data");
  std::ofstream(dir_.path() + "/data/LAYOUT") << R"({"format":99})";
  EXPECT_THAT(refused("", 1), HasSubstr("LAYOUT"));
}

TEST_F(StartTest, AnEngineCanBeSwitchedOffAndOnAgain) {
  {
    ServerProcess server({dir_.path(), 1, "", "dev"});
    ASSERT_TRUE(server.start());
    Client client(server.port());
    client.ask(R"({"op":"point_put","document_id":"a","data":{"v":7}})");
    EXPECT_EQ(server.stop(), 0);
  }
  {
    ServerProcess server({dir_.path(), 1, "engines = [\"graph\"]\n", "dev"});
    ASSERT_TRUE(server.start()) << server.errors();
    Client client(server.port());
    EXPECT_THAT(client.ask(R"({"op":"point_get","document_id":"a"})"), HasSubstr("engine_disabled"));
    EXPECT_EQ(server.stop(), 0);
  }
  ServerProcess server({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start());
  Client client(server.port());
  EXPECT_THAT(client.ask(R"({"op":"point_get","document_id":"a","payload_format":"json"})"), HasSubstr("\"v\":7"));
}

}  // namespace
}  // namespace stator::test
