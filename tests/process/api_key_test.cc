#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

TEST(ApiKeyTest, ActsAsItsOwnerAlsoAfterAKillUntilItIsDropped) {
  TempDir dir;
  ServerProcess server({dir.path(), 2, "[auth]\nmode = \"password\"\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  json key;
  {
    Client admin(server.port());
    ASSERT_EQ(json::parse(admin.ask(R"({"op":"auth","method":"password","username":"admin","password":"test-password"})"))["status"], "ok");
    admin.ask(R"({"op":"user_create","username":"app","password":"app-password","role":"readonly"})");
    key = json::parse(admin.ask(R"({"op":"api_key_create","username":"app","payload_format":"json"})"))["payload"];
  }
  server.kill();
  ASSERT_TRUE(server.start()) << server.errors();
  const std::string auth = R"({"op":"auth","method":"api_key","token":")" + key["token"].get<std::string>() + "\"}";
  {
    Client app(server.port());
    const json identity = json::parse(app.ask(auth));
    EXPECT_EQ(identity["username"], "app");
    EXPECT_EQ(json::parse(app.ask(R"({"op":"point_put","document_id":"a","data":{}})"))["error_code"], "rejected_authz");
  }
  {
    Client stranger(server.port());
    std::string wrong = key["token"];
    wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
    EXPECT_EQ(json::parse(stranger.ask(R"({"op":"auth","method":"api_key","token":")" + wrong + "\"}"))["error_code"], "unauthenticated");
  }
  Client admin(server.port());
  admin.ask(R"({"op":"auth","method":"password","username":"admin","password":"test-password"})");
  EXPECT_EQ(json::parse(admin.ask(R"({"op":"api_key_drop","key_id":")" + key["key_id"].get<std::string>() + "\"}"))["status"], "ok");
  Client late(server.port());
  EXPECT_EQ(json::parse(late.ask(auth))["error_code"], "unauthenticated");
}

}  // namespace
}  // namespace stator::test
