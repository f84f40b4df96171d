// Ways to say who one is: SCRAM with a client's side written here, scoped and ending API keys, limits on guesses.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::json;

class LoginTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start()) << server_.errors();
    admin_ = std::make_unique<Client>(server_.port());
    ASSERT_EQ(login(*admin_, "admin", "test-password")["status"], "ok");
    ASSERT_EQ(ask(*admin_, {{"op", "user_create"}, {"username", "anna"}, {"password", "correct horse"}})["status"], "ok");
  }
  static Json ask(Client& client, Json request) {
    request["payload_format"] = "json";
    return Json::parse(client.ask(request.dump()));
  }
  static Json login(Client& client, const std::string& user, const std::string& password) {
    return ask(client, {{"op", "auth"}, {"method", "password"}, {"username", user}, {"password", password}});
  }
  static Json with_key(Client& client, const std::string& token) {
    return ask(client, {{"op", "auth"}, {"method", "api_key"}, {"token", token}});
  }
  Json make_key(Json request) {
    request["op"] = "api_key_create";
    request["username"] = "anna";
    return ask(*admin_, request)["payload"];
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 2, "[auth]\nmode = \"password\"\n", "dev"}};
  std::unique_ptr<Client> admin_;
};

TEST_F(LoginTest, AScopedKeyDoesWhatItsScopeSaysAndNoMore) {
  const Json key = make_key({{"classes", {"read", "write"}}, {"collections", {"orders"}}});
  Client client(server_.port());
  ASSERT_EQ(with_key(client, key["token"])["username"], "anna");
  EXPECT_EQ(ask(client, {{"op", "point_put"}, {"collection", "orders"}, {"document_id", "a"}, {"data", Json::object()}})["status"], "ok");
  const Json refused = ask(client, {{"op", "point_get"}, {"collection", "other"}, {"document_id", "a"}});
  EXPECT_EQ(refused["error_code"], "rejected_authz");
  EXPECT_NE(refused["error"].get<std::string>().find(key["key_id"]), std::string::npos) << refused;
  EXPECT_EQ(ask(client, {{"op", "index_create"}, {"collection", "orders"}, {"path", "x"}})["error_code"], "rejected_authz");
  EXPECT_EQ(ask(client, {{"op", "user_set_password"}, {"username", "anna"}, {"password", "battery staple"}})["error_code"],
            "rejected_authz");
  // The key is shown once: neither the list nor the data directory has its secret.
  const std::string secret = key["token"].get<std::string>().substr(21);
  EXPECT_EQ(ask(*admin_, {{"op", "api_key_list"}}).dump().find(secret), std::string::npos);
  ASSERT_EQ(server_.stop(), 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(bytes.find(secret), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find("correct horse"), std::string::npos) << entry.path();
  }
}

TEST_F(LoginTest, ADroppedKeyIsRefusedAtOnceOnOpenConnections) {
  const Json key = make_key(Json::object());
  Client client(server_.port());
  ASSERT_EQ(with_key(client, key["token"])["status"], "ok");
  EXPECT_EQ(ask(client, {{"op", "point_get"}, {"document_id", "a"}})["error_code"], "not_found");
  ASSERT_EQ(ask(*admin_, {{"op", "api_key_drop"}, {"key_id", key["key_id"]}})["status"], "ok");
  EXPECT_EQ(ask(client, {{"op", "point_get"}, {"document_id", "a"}})["error_code"], "unauthenticated");
}

TEST_F(LoginTest, AKeyEndsOnOpenConnectionsToo) {
  const Json key = make_key({{"expires_in_s", 1}});
  Client client(server_.port());
  ASSERT_EQ(with_key(client, key["token"])["status"], "ok");
  // Asks until the second is over: the answer changes by itself.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string code = "not_found";
  while (code == "not_found" && std::chrono::steady_clock::now() < give_up) {
    code = ask(client, {{"op", "point_get"}, {"document_id", "a"}})["error_code"];
  }
  EXPECT_EQ(code, "auth_expired");
  EXPECT_EQ(with_key(client, key["token"])["error_code"], "auth_expired");
}

TEST_F(LoginTest, GuessesAreSlowedDownForOneUserOverAllConnections) {
  // Until the wait is one that no slow machine sits out before the next line: it doubles.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  Json answer;
  do {
    Client client(server_.port());
    answer = login(client, "anna", "wrong password");
  } while (answer.value("retry_after_ms", 0) < 3000 && std::chrono::steady_clock::now() < give_up);
  EXPECT_EQ(answer["error_code"], "account_locked");
  // Not even the right password, and nobody else is concerned.
  Client client(server_.port());
  EXPECT_EQ(login(client, "anna", "correct horse")["error_code"], "account_locked");
  EXPECT_EQ(login(client, "admin", "test-password")["status"], "ok");
}

// Each waits for its hash while the others are sent: none of them has failed yet.
TEST_F(LoginTest, GuessesThatAreSentTogetherAreNoMoreThanThoseOneByOne) {
  constexpr int kGuesses = 20;
  const auto send = [&](Client& client, const std::string& password) {
    client.send(
        Json{{"op", "auth"}, {"method", "password"}, {"username", "anna"}, {"password", password}}
            .dump());
  };
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kGuesses; ++i) {
    clients.push_back(std::make_unique<Client>(server_.port()));
    send(*clients.back(), "wrong password");
  }
  clients.push_back(std::make_unique<Client>(server_.port()));
  send(*clients.back(), "correct horse");
  int tried = 0;
  std::string last;
  for (auto& client : clients) {
    const Json answer = Json::parse(client->receive().value());
    last = answer.value("error_code", "");
    tried += last == "unauthenticated" ? 1 : 0;
  }
  EXPECT_EQ(tried, 10);
  EXPECT_EQ(last, "account_locked") << "whether it was right is not told";
}

TEST_F(LoginTest, AnUnknownUserIsAnsweredLikeAWrongPassword) {
  Client client(server_.port());
  Json known = login(client, "anna", "wrong password");
  Json unknown = login(client, "nobody", "wrong password");
  for (Json* answer : {&known, &unknown}) answer->erase("request_id");
  EXPECT_EQ(known, unknown);
  const auto first = [&](const char* user) {
    const Json answer = ask(client, {{"op", "auth"}, {"method", "scram"}, {"data", std::string("n,,n=") + user + ",r=abc"}});
    EXPECT_EQ(answer["continue"], true) << answer;
    ask(client, {{"op", "auth"}, {"method", "scram"}, {"data", "c=biws,r=abc"}});  // ends the exchange
    const std::string data = answer["data"];
    return std::make_pair(data.size(), data.substr(data.find(",s=")).size());
  };
  EXPECT_EQ(first("anna"), first("nobody"));
}

}  // namespace
}  // namespace stator::test
