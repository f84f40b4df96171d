// Two engines have the same names: requests reach the one that the collection belongs to, through
// starts, kills and lanes, and never past the gate (ADR 50).
#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/json_client.h"
#include "support/places.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

const std::string kPath = "engine_path = [\"" + in_build("tests/engines") + "\"]\n";
const std::string kBoth = kPath + "engines = [\"document\", \"graph\", \"vector\", \"namesake\"]\n";

class CollectionEngineTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  void start(const std::string& config, bool has_users = false) {
    server_ = std::make_unique<ServerProcess>(ServerProcess::Options{
        .data_dir = dir_.path(),
        .lanes = GetParam(),
        .config = config + (has_users ? "[auth]\nmode = \"password\"\n" : "")});
    ASSERT_TRUE(server_->start()) << server_->errors();
  }
  void refuses_to_start(const std::string& config, const std::string& why) {
    server_ = std::make_unique<ServerProcess>(
        ServerProcess::Options{.data_dir = dir_.path(), .lanes = GetParam(), .config = config});
    EXPECT_FALSE(server_->start());
    EXPECT_THAT(server_->errors(), HasSubstr(why));
  }
  Json ask(const Json& request) {
    Client client(server_->port());
    return test::ask(client, request);
  }
  static Json ask(Client& client, const Json& request) { return test::ask(client, request); }
  Json must(const Json& request) {
    Client client(server_->port());
    return test::must(client, request);
  }
  static Json must(Client& client, const Json& request) { return test::must(client, request); }
  // "ok" or the error's code.
  static std::string code(const Json& answer) {
    return answer["status"] == "ok" ? "ok" : answer["error_code"].get<std::string>();
  }
  std::string code_of(const Json& request) { return code(ask(request)); }

  static Json put(const std::string& collection, const std::string& key, int value,
                  const std::string& op = "point_put") {
    return {{"op", op}, {"collection", collection}, {"key", key}, {"value", value}};
  }
  static Json get(const std::string& collection, const std::string& key,
                  const std::string& op = "point_get") {
    return {{"op", op}, {"collection", collection}, {"key", key}};
  }
  static Json put_document(const std::string& collection, const std::string& id) {
    return {{"op", "point_put"},
            {"collection", collection},
            {"document_id", id},
            {"data", {{"of", id}}}};
  }
  static Json get_document(const std::string& collection, const std::string& id,
                           const std::string& op = "point_get") {
    return {{"op", op}, {"collection", collection}, {"document_id", id}};
  }
  static Json set(const std::string& collection, const std::string& engine) {
    return {{"op", "collection_engine_set"}, {"on", collection}, {"engine", engine}};
  }

  TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_P(CollectionEngineTest, EachCollectionsRequestsReachItsEngine) {
  start(kBoth);
  must(put_document("numbers", "before"));
  EXPECT_EQ(code_of(put("numbers", "a", 1)), "bad_request")
      << "it belongs to nobody yet: a document's";
  must(put("numbers", "a", 7, "namesake.point_put"));
  must(set("numbers", "namesake"));
  must(set("papers", "document"));
  for (int n = 0; n < 8; ++n) {
    EXPECT_EQ(must(put("numbers", "k" + std::to_string(n), n))["kept"], std::to_string(n));
    must(put_document("papers", "d" + std::to_string(n)));
    must(put_document("others", "d" + std::to_string(n)));
  }
  const auto expect_all = [&] {
    for (int n = 0; n < 8; ++n) {
      const std::string i = std::to_string(n);
      EXPECT_EQ(must(get("numbers", "k" + i))["value"], i);
      EXPECT_EQ(must(get_document("papers", "d" + i))["of"], "d" + i);
      EXPECT_EQ(must(get_document("others", "d" + i))["of"], "d" + i);
    }
    EXPECT_EQ(must(get("numbers", "a"))["value"], "7");
    EXPECT_EQ(must(get_document("numbers", "before", "document.point_get"))["of"], "before");
    EXPECT_EQ(code_of(get_document("numbers", "before")), "bad_request");
    EXPECT_EQ(must({{"op", "document_count"}, {"collection", "numbers"}})["count"], 1)
        << "a name that one engine has means its op everywhere";
    EXPECT_EQ(must({{"op", "collection_engine_list"}})["collections"].size(), 2u);
  };
  expect_all();
  EXPECT_EQ(server_->stop(), 0);
  start(kBoth);
  expect_all();
  server_->kill();
  start(kBoth);
  expect_all();
  must({{"op", "collection_engine_drop"}, {"on", "numbers"}});
  EXPECT_EQ(must(get_document("numbers", "before"))["of"], "before");
  EXPECT_EQ(must(get("numbers", "a", "namesake.point_get"))["value"], "7");
}

// Wherever it stands, however it is written, and of several the last one, which the gate sees, too.
TEST_P(CollectionEngineTest, OneCollectionChoosesTheOpAndIsAskedFor) {
  start(kBoth);
  must(set("numbers", "namesake"));
  must(put("numbers", "a", 7));
  must(put_document("papers", "a"));
  Client client(server_->port());
  const auto say = [&](const std::string& body) { return Json::parse(client.ask(body)); };
  const std::string json = R"(,"payload_format":"json"})";
  EXPECT_EQ(say(R"({"op":"point_get","key":"a","collection":"numbers")" + json)["payload"]["value"],
            "7");
  EXPECT_EQ(say(R"({"collection":"numbers","key":"a","op":"point_get")" + json)["payload"]["value"],
            "7");
  EXPECT_EQ(say(R"({"op":"point_get","key":"a","coll\u0065ction":"num\u0062ers")" +
                json)["payload"]["value"],
            "7");
  EXPECT_EQ(say(R"({"op":"point_get","collection":"papers","key":"a","collection":"numbers")" +
                json)["payload"]["value"],
            "7");
  EXPECT_EQ(
      say(R"({"op":"point_get","collection":"numbers","document_id":"a","collection":"papers")" +
          json)["payload"]["of"],
      "a");
  EXPECT_EQ(code(say(R"({"op":"point_get","collection":"numbers","key":"a","collection":7})")),
            "bad_request");
  EXPECT_EQ(
      code(say(
          R"({"op":"point_get","strict":true,"collection":"papers","key":"a","collection":"numbers"})")),
      "bad_request");
  EXPECT_EQ(say(R"({"op":"point_get","strict":true,"collection":"numbers","key":"a")" +
                json)["payload"]["value"],
            "7");
  EXPECT_EQ(code(say(R"({"op":"point_get","collection":"numbers","key":)")), "bad_request");
}

TEST_P(CollectionEngineTest, InBatchesAndWithKeysOfRepeats) {
  start(kBoth);
  must(set("numbers", "namesake"));
  const Json ops = {put("numbers", "a", 1), put_document("papers", "a"), get("numbers", "none")};
  const Json answers = must({{"op", "batch"}, {"atomic", false}, {"ops", ops}});
  EXPECT_EQ(answers[0]["payload"]["kept"], "1");
  EXPECT_EQ(answers[1]["status"], "ok");
  EXPECT_EQ(answers[2]["error_code"], "not_found");
  must({{"op", "batch"}, {"ops", {put("numbers", "b", 2), put_document("papers", "b")}}});
  EXPECT_EQ(must(get("numbers", "b"))["value"], "2");
  // One key for two engines' ops of one name is two requests, each done once.
  Json keyed = put("numbers", "c", 3);
  keyed["idempotency_key"] = "k";
  must(keyed);
  must(keyed);
  Json other = put_document("numbers", "c");
  other["op"] = "document.point_put";
  other["idempotency_key"] = "k";
  must(other);
  EXPECT_EQ(must(get_document("numbers", "c", "document.point_get"))["of"], "c");
}

TEST_P(CollectionEngineTest, TheGateSeesTheOpThatIsMeant) {
  start(kBoth, true);
  auto admin = log_in(server_->port(), "admin", "test-password");
  const int tenant = must(*admin, {{"op", "tenant_create"}, {"name", "acme"}})["tenant_id"];
  must(*admin, {{"op", "role_create"}, {"role", "clerk"}});
  must(*admin, {{"op", "grant_permission"}, {"role", "clerk"}, {"class", "read"}});
  must(*admin, {{"op", "user_create"},
                {"username", "anna"},
                {"password", "correct horse"},
                {"role", "clerk"}});
  must(*admin, {{"op", "user_create"},
                {"username", "bert"},
                {"password", "correct horse"},
                {"role", "tenant_admin"},
                {"tenant", tenant}});
  must(*admin, set("numbers", "namesake"));
  must(*admin, put("numbers", "a", 7));
  auto anna = log_in(server_->port(), "anna");
  auto bert = log_in(server_->port(), "bert");
  EXPECT_EQ(code(ask(*anna, put("numbers", "a", 8))), "rejected_authz");
  EXPECT_EQ(must(*anna, get("numbers", "a"))["value"], "7");
  EXPECT_EQ(code(ask(*anna, set("papers", "namesake"))), "rejected_authz");
  EXPECT_EQ(code(ask(*anna, {{"op", "collection_engine_list"}})), "rejected_authz");
  // Another tenant's collection of that name is another one.
  EXPECT_EQ(code(ask(*bert, get("numbers", "a"))), "bad_request");
  EXPECT_EQ(must(*bert, {{"op", "collection_engine_list"}})["collections"].size(), 0u);
  must(*bert, set("numbers", "namesake"));
  EXPECT_EQ(code(ask(*bert, get("numbers", "a"))), "not_found");
  Json foreign = set("papers", "namesake");
  foreign["tenant"] = 1;
  EXPECT_EQ(code(ask(*bert, foreign)), "rejected_authz");
  EXPECT_EQ(code(ask(*bert, set("numbers", "nothing"))), "not_found");
  // The op of that engine does not ask for rows, whatever the one that the name means elsewhere
  // does.
  must(*admin,
       {{"op", "row_policy_create"}, {"policy", "p"}, {"on", "numbers"}, {"where", {{"a", 1}}}});
  must(*admin,
       {{"op", "row_policy_create"}, {"policy", "p"}, {"on", "papers"}, {"where", {{"a", 1}}}});
  EXPECT_EQ(code(ask(*anna, get("numbers", "a"))), "rejected_authz");
  EXPECT_EQ(code(ask(*anna, get("numbers", "a", "namesake.point_get"))), "rejected_authz");
  EXPECT_EQ(code(ask(*anna, get_document("papers", "a"))), "not_found");
}

TEST_P(CollectionEngineTest, ACollectionWhoseEngineIsAwayAnswersNothingElse) {
  start(kBoth);
  must(set("numbers", "namesake"));
  must(put("numbers", "a", 7));
  must(put_document("papers", "a"));
  EXPECT_EQ(server_->stop(), 0);
  start(kPath + "engines = [\"document\", \"graph\", \"vector\"]\n");
  const Json answer = ask(put_document("numbers", "x"));
  EXPECT_EQ(answer["error_code"], "engine_missing");
  EXPECT_THAT(
      answer["error"].get<std::string>(),
      HasSubstr("collection 'numbers' belongs to engine 'namesake', which does not serve here"));
  EXPECT_EQ(code_of({{"op", "document_count"}, {"collection", "numbers"}}), "engine_missing");
  EXPECT_EQ(code_of({{"op", "batch"}, {"ops", {put_document("numbers", "x")}}}), "engine_missing");
  EXPECT_EQ(code_of(get("numbers", "a", "namesake.point_get")), "engine_disabled");
  EXPECT_EQ(must(get_document("papers", "a"))["of"], "a");
  EXPECT_EQ(code_of(set("papers", "namesake")), "not_found");
  EXPECT_EQ(must({{"op", "collection_engine_list"}})["collections"].size(), 1u);
  server_->kill();
  start(kBoth);
  EXPECT_EQ(must(get("numbers", "a"))["value"], "7");
}

TEST_P(CollectionEngineTest, WithoutTheOtherEngineTheNameIsNotTakenOver) {
  start(kPath + "engines = [\"namesake\"]\n");
  const Json answer = ask(put("numbers", "a", 1));
  EXPECT_EQ(answer["error_code"], "engine_disabled");
  EXPECT_THAT(answer["error"].get<std::string>(), HasSubstr("belongs to engine 'document'"));
  must(set("numbers", "namesake"));
  must(put("numbers", "a", 1));
}

TEST_P(CollectionEngineTest, ACallBetweenEnginesMeansOneOpInEveryCollection) {
  start(kBoth);
  must(set("numbers", "namesake"));
  EXPECT_EQ(must({{"op", "graph_stats"}, {"collection", "numbers"}})["engine"], "namesake");
  const auto call = [&](const char* name) {
    return must({{"op", "namesake_call"}, {"collection", "numbers"}, {"name", name}});
  };
  EXPECT_TRUE(call("graph_stats").contains("edges"));
  EXPECT_EQ(call("namesake.graph_stats")["engine"], "namesake");
}

TEST_P(CollectionEngineTest, EveryOpIsDescribedUnderANameOfItsOwn) {
  start(kBoth);
  std::set<std::string> names;
  const Json table = must({{"op", "describe"}});
  for (const auto& op : table["ops"]) {
    EXPECT_TRUE(names.insert(op["name"]).second) << op["name"];
    EXPECT_EQ(op.contains("own_collections"),
              op["engine"] == "namesake" && op["name"] != "namesake_call")
        << op;
  }
  const Json both = must({{"op", "describe"}, {"name", "point_get"}})["ops"];
  ASSERT_EQ(both.size(), 2u) << both;
  const bool is_first = both[0]["engine"] == "document";
  EXPECT_EQ(both[is_first ? 0 : 1]["name"], "point_get");
  EXPECT_EQ(both[is_first ? 1 : 0]["name"], "namesake.point_get");
  EXPECT_EQ(both[is_first ? 1 : 0]["own_collections"], Json({"point_get"}));
  EXPECT_EQ(must({{"op", "describe"}, {"name", "document.point_get"}})["ops"].size(), 1u);
}

TEST_P(CollectionEngineTest, WhatIsStillInDoubtEndsTheStart) {
  const std::string engines = kPath + "engines = [\"document\", \"rival\"]\n";
  refuses_to_start(engines,
                   "op 'point_put' of engine 'rival' is already served by engine 'document'");
  refuses_to_start(engines + "[ops]\npoint_put = \"document\"\n",
                   "op 'point_get' of engine 'rival' is already served by engine 'document'");
  const std::string pins = "[ops]\npoint_put = \"document\"\npoint_get = \"document\"\n";
  refuses_to_start(kPath + "engines = [\"document\"]\n[ops]\npoint_put = \"rival\"\n",
                   "config: ops.point_put = \"rival\", but engine 'rival' is not enabled");
  refuses_to_start(kPath + "engines = [\"document\"]\n[ops]\npoint_putt = \"document\"\n",
                   "engine 'document' has no op of that name");
  start(engines + pins);
  must(put_document("papers", "a"));
  must(set("numbers", "rival"));
  must(put("numbers", "a", 7));
  EXPECT_EQ(must(get("numbers", "a"))["value"], "7");
  EXPECT_EQ(must(get_document("papers", "a"))["of"], "a");
}

TEST_P(CollectionEngineTest, ADroppedTenantLeavesNone) {
  start(kBoth, true);
  auto admin = log_in(server_->port(), "admin", "test-password");
  // What the kernel's own engine has stored when a tenant has come and gone.
  const auto entries_after = [&](const char* name, bool has_collection) {
    const int tenant = must(*admin, {{"op", "tenant_create"}, {"name", name}})["tenant_id"];
    Json theirs = set("numbers", "namesake");
    theirs["tenant"] = tenant;
    if (has_collection) must(*admin, theirs);
    must(*admin, {{"op", "tenant_drop"}, {"tenant", tenant}});
    while (must(*admin, {{"op", "tenant_list"}})["tenants"].size() > 1) {
    }
    return must(*admin, {{"op", "digest"}})["engines"]["system"]["entries"].get<int>();
  };
  const int before = entries_after("without", false);
  EXPECT_EQ(entries_after("with", true), before);
}

INSTANTIATE_TEST_SUITE_P(Lanes, CollectionEngineTest, testing::Values(1u, 2u),
                         [](const auto& one) { return std::to_string(one.param) + "_lanes"; });

}  // namespace
}  // namespace stator::test
