// The op table is a public promise: a difference to golden/op_table.json is a change of the wire.
// STATOR_UPDATE_GOLDEN=1 writes the file anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/places.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::ordered_json;

class OpTableTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start()) << server_.errors();
    Client client(server_.port());
    table_ = Json::parse(client.ask(R"({"op":"describe","payload_format":"json"})"))["payload"];
  }
  TempDir dir_;
  ServerProcess server_{{dir_.path(), 1, "", "dev"}};
  Json table_;
};

TEST_F(OpTableTest, IsTheGoldenOne) {
  const std::string path = in_tests("golden/op_table.json");
  const std::string now = table_["ops"].dump(1) + "\n";
  if (std::getenv("STATOR_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << now;
  std::ifstream file(path);
  const std::string golden((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(now, golden) << "run with STATOR_UPDATE_GOLDEN=1 if the change is meant";
}

TEST_F(OpTableTest, EveryOpHasDocsAnExampleThatBindsAndAConversation) {
  Client client(server_.port());
  for (const auto& op : table_["ops"]) {
    const std::string name = op["name"];
    EXPECT_FALSE(op["doc"].get<std::string>().empty()) << name;
    ASSERT_TRUE(op["example"].is_object()) << name;
    EXPECT_EQ(op["example"]["op"], name);
    EXPECT_TRUE(std::filesystem::exists(in_tests("conversations/") + name))
        << name << " has no conversation";
    if (name == "auth") continue;
    const Json answer = Json::parse(client.ask(op["example"].dump()));
    EXPECT_NE(answer.value("error_code", Json()), Json("bad_request")) << name << ": " << answer;
    EXPECT_NE(answer.value("error_code", Json()), Json("internal")) << name << ": " << answer;
  }
}

TEST_F(OpTableTest, EveryOpAnswersWrongTypesWithATypedError) {
  Client client(server_.port());
  for (const auto& op : table_["ops"]) {
    for (const auto& arg : op["args"]) {
      for (const char* wrong : {"[[]]", "{\"x\":1}", "-1e400", "\"\\u0000\"", "18446744073709551616"}) {
        client.send(R"({"op":")" + op["name"].get<std::string>() + R"(",")" + arg["name"].get<std::string>() + "\":" + wrong + "}");
        auto text = client.receive();
        ASSERT_TRUE(text.has_value()) << op["name"];
        const Json answer = Json::parse(*text, nullptr, false);
        ASSERT_FALSE(answer.is_discarded()) << *text;
        ASSERT_NE(answer.value("error_code", Json()), Json("internal")) << op["name"] << " " << *text;
      }
    }
  }
}

}  // namespace
}  // namespace stator::test
