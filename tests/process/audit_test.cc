// The audit log of a real server, and the commands that work on a stopped one.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::json;

class AuditTest : public testing::Test {
 protected:
  static Json ask(Client& client, Json request) {
    request["payload_format"] = "json";
    return Json::parse(client.ask(request.dump()));
  }
  static Json login(Client& client, const std::string& user, const std::string& password) {
    return ask(client, {{"op", "auth"}, {"method", "password"}, {"username", user}, {"password", password}});
  }
  std::string text() const {
    std::string all;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(data_ + "/audit")) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      if (path.extension() != ".audit") continue;
      std::ifstream file(path);
      std::stringstream content;
      content << file.rdbuf();
      all += content.str();
    }
    return all;
  }
  std::vector<Json> lines(const std::string& event) const {
    std::vector<Json> found;
    std::stringstream all(text());
    for (std::string line; std::getline(all, line);) {
      Json json = Json::parse(line);
      if (json["event"] == event) found.push_back(std::move(json));
    }
    return found;
  }
  CommandResult verify() const { return run_statord({"audit", "verify", "--data-dir", data_}); }

  TempDir dir_;
  const std::string data_ = dir_.path() + "/data";
  ServerProcess server_{{dir_.path(), 2, "[auth]\nmode = \"password\"\n[audit]\nfile_kib = 4\n", "dev"}};
};

TEST_F(AuditTest, TellsWhatAdministratorsDidAndWhoWasTurnedAwayAndNoSecret) {
  ASSERT_TRUE(server_.start()) << server_.errors();
  {
    Client admin(server_.port());
    ASSERT_EQ(login(admin, "admin", "test-password")["status"], "ok");
    ASSERT_EQ(ask(admin, {{"op", "user_create"}, {"username", "anna"}, {"password", "hidden-one"}, {"role", "readonly"}})["status"], "ok");
    const Json key = ask(admin, {{"op", "api_key_create"}, {"username", "anna"}});
    const std::string token = key["payload"]["token"];
    ask(admin, {{"op", "role_drop"}, {"role", "nobody's"}});
    ask(admin, {{"op", "batch"}, {"ops", {{{"op", "user_drop"}, {"username", "nobody"}}}}});
    Client anna(server_.port());
    login(anna, "anna", "wrong-password");
    ASSERT_EQ(ask(anna, {{"op", "auth"}, {"method", "api_key"}, {"token", token}})["status"], "ok");
    ask(anna, {{"op", "point_put"}, {"document_id", "a"}, {"data", {{"secret", "hidden-two"}}}});
    ask(anna, {{"op", "point_get"}, {"document_id", "a"}});
    // What was answered is in the files, also when the server dies now.
    server_.kill();
    const std::string all = text();
    for (const char* secret : {"hidden-one", "hidden-two", "test-password", "wrong-password"}) {
      EXPECT_EQ(all.find(secret), std::string::npos) << secret;
    }
    EXPECT_EQ(all.find(token.substr(21)), std::string::npos);
  }
  std::map<std::string, std::string> outcomes;
  for (const Json& line : lines("op")) outcomes[line["op"]] = line["outcome"];
  EXPECT_EQ(outcomes["user_create"], "ok");
  EXPECT_EQ(outcomes["api_key_create"], "ok");
  EXPECT_EQ(outcomes["role_drop"], "not_found");
  EXPECT_EQ(outcomes["batch"], "not_found");
  EXPECT_EQ(outcomes["point_put"], "rejected_authz");
  EXPECT_EQ(outcomes.count("point_get"), 0u);
  const auto logins = lines("auth");
  ASSERT_EQ(logins.size(), 2u);
  EXPECT_EQ(logins[0]["user"], "admin");
  EXPECT_EQ(logins[1]["user"], "anna");
  EXPECT_EQ(logins[1]["outcome"], "unauthenticated");
  EXPECT_EQ(logins[1]["address"], "127.0.0.1");
  EXPECT_EQ(verify().exit_code, 0) << verify().errors;
}

TEST_F(AuditTest, TheChainIsWholeOverRestartsKillsAndFilesAndTamperingIsSeen) {
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(server_.start()) << server_.errors();
    Client admin(server_.port());
    ASSERT_EQ(login(admin, "admin", "test-password")["status"], "ok");
    for (int i = 0; i < 15; ++i) ask(admin, {{"op", "user_drop"}, {"username", "nobody"}});
    round % 2 == 0 ? server_.kill() : static_cast<void>(server_.stop());
  }
  EXPECT_EQ(lines("start").size(), 4u);
  EXPECT_EQ(lines("stop").size(), 2u);
  const CommandResult whole = verify();
  ASSERT_EQ(whole.exit_code, 0) << whole.errors;
  const Json report = Json::parse(whole.out);
  EXPECT_GT(report["files"], 3);
  const std::string last_hash = report["last_hash"];
  EXPECT_EQ(run_statord({"audit", "verify", "--data-dir", data_, "--last-seq", report["last_seq"].dump(),
                         "--last-hash", last_hash})
                .exit_code,
            0);
  const std::string first = data_ + "/audit/00000000000000000001.audit";
  std::fstream file(first, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(30);
  file.put('#');
  file.close();
  const CommandResult tampered = verify();
  EXPECT_EQ(tampered.exit_code, 1);
  EXPECT_NE(tampered.errors.find("00000000000000000001.audit:1"), std::string::npos) << tampered.errors;
}

TEST_F(AuditTest, AnOpWhoseClientLeftIsTold) {
  ASSERT_TRUE(server_.start()) << server_.errors();
  {
    Client admin(server_.port());
    ASSERT_EQ(login(admin, "admin", "test-password")["status"], "ok");
    // Its answer takes a hash of some 60 ms, and the client is gone by then.
    admin.send(R"({"op":"user_create","username":"anna","password":"correct horse"})");
  }
  Client second(server_.port());
  ASSERT_EQ(login(second, "admin", "test-password")["status"], "ok");
  ASSERT_EQ(server_.stop(), 0);
  const auto ops = lines("op");
  const auto of_anna = std::count_if(ops.begin(), ops.end(), [](const Json& line) {
    return line["op"] == "user_create" && line["details"].value("username", "") == "anna";
  });
  EXPECT_EQ(of_anna, 1);
}

TEST_F(AuditTest, TheLineNamesWhoAskedAlsoWhenTheConnectionHasBecomeSomebodyElses) {
  ASSERT_TRUE(server_.start()) << server_.errors();
  Client admin(server_.port());
  ASSERT_EQ(login(admin, "admin", "test-password")["status"], "ok");
  ask(admin, {{"op", "user_create"}, {"username", "anna"}, {"password", "correct horse"}});
  const std::string token = ask(admin, {{"op", "api_key_create"}, {"username", "anna"}})["payload"]["token"];
  // Both in one piece: the role waits for the disk while the connection becomes anna's.
  admin.send(R"({"op":"role_create","role":"clerk"})");
  admin.send(R"({"op":"auth","method":"api_key","token":")" + token + "\"}");
  ASSERT_TRUE(admin.receive().has_value());
  EXPECT_EQ(Json::parse(*admin.receive())["username"], "anna");
  ASSERT_EQ(server_.stop(), 0);
  for (const Json& line : lines("op")) {
    if (line["op"] != "role_create") continue;
    EXPECT_EQ(line["user"], "admin");
  }
}

TEST_F(AuditTest, APasswordIsResetOffline) {
  ASSERT_TRUE(server_.start()) << server_.errors();
  // Not while a server runs.
  EXPECT_EQ(run_statord({"user", "reset-password", "--insecure-plugins", "--data-dir", data_}).exit_code, 1);
  ASSERT_EQ(server_.stop(), 0);
  const CommandResult reset = run_statord({"user", "reset-password", "--insecure-plugins", "--data-dir", data_});
  ASSERT_EQ(reset.exit_code, 0) << reset.errors;
  const std::string path = Json::parse(reset.out)["password_file"];
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::string password;
  std::ifstream(path) >> password;
  EXPECT_EQ(run_statord({"user", "reset-password", "--insecure-plugins", "--data-dir", data_, "--username", "nobody"}).exit_code, 1);
  ASSERT_TRUE(server_.start()) << server_.errors();
  Client admin(server_.port());
  EXPECT_EQ(login(admin, "admin", "test-password")["error_code"], "unauthenticated");
  EXPECT_EQ(login(admin, "admin", password)["status"], "ok");
  ASSERT_EQ(server_.stop(), 0);
  EXPECT_EQ(verify().exit_code, 0) << verify().errors;
}

}  // namespace
}  // namespace stator::test
