// Every op of the op table, as every role, from every tenant. The table comes from the server
// (`describe`) and each call is the row's own example, so an engine that is added is covered without a
// test of its own: its ops are refused to who lacks the row's permission, also inside a batch, and
// nothing that one tenant stores or does shows in what another one is answered.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kMarker = "Zm9yYmlkZGVu";  // in all that tenant A stores
constexpr const char* kPassword = "long enough";
const std::set<std::string> kAnybodysBeforeAuth = {"auth", "hello", "ping"};

const std::map<std::string, std::set<std::string>> kBuiltinRoles = {
    {"tenant_admin", {"read", "write", "create", "drop", "alter", "admin", "monitor"}},
    {"readwrite", {"read", "write", "create", "alter"}},
    {"readonly", {"read"}},
    {"monitor", {"monitor"}},
};

std::string code_of(const Json& answer) {
  return answer.contains("error_code") && answer["error_code"].is_string() ? answer["error_code"].get<std::string>() : "";
}

// The part of an answer that may not depend on others' data.
Json essence(Json answer) {
  answer.erase("watermark_lsn");
  answer.erase("request_id");
  return answer;
}

class LeakTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.start()) << server_.errors();
    admin_ = std::make_unique<Client>(server_.port());
    login(*admin_, "admin", "test-password");
    const Json table = ask(*admin_, {{"op", "describe"}});
    for (const Json& op : table["payload"]["ops"]) {
      if (op["name"] != "auth") ops_.push_back(op);
    }
    ASSERT_GT(ops_.size(), 30u);
  }

  static Json ask(Client& client, Json request) {
    request["payload_format"] = "json";
    const Json answer = Json::parse(client.ask(request.dump()));
    if (answer["status"] == "partial") end_stream(client, answer["request_id"]);
    return answer;
  }
  static void end_stream(Client& client, std::uint64_t request_id) {
    client.send(Json({{"op", "unsubscribe"}, {"request_id", request_id}}).dump());
    for (int open = 2; open > 0;) {  // the stream and the request that ends it
      if (Json::parse(client.receive().value())["status"] != "partial") --open;
    }
  }
  void login(Client& client, const std::string& user, const std::string& password = kPassword) {
    const Json answer =
        ask(client, {{"op", "auth"}, {"method", "password"}, {"username", user}, {"password", password}});
    ASSERT_EQ(answer["status"], "ok") << user << answer;
  }
  std::unique_ptr<Client> connect(const std::string& user) {
    auto client = std::make_unique<Client>(server_.port());
    login(*client, user);
    return client;
  }
  void must(const Json& request) {
    const Json answer = ask(*admin_, request);
    ASSERT_EQ(answer["status"], "ok") << request << answer;
  }
  int make_tenant(const std::string& name) {
    return ask(*admin_, {{"op", "tenant_create"}, {"name", name}})["payload"]["tenant_id"];
  }
  void make_user(const std::string& name, const std::string& role, int tenant) {
    must({{"op", "user_create"}, {"username", name}, {"password", kPassword}, {"role", role}, {"tenant", tenant}});
  }

  static bool is_engines(const Json& op) { return op["engine"] != "kernel" && op["engine"] != "system"; }
  // Rights in its collection are enough.
  static bool is_of_collection(const Json& op) { return is_engines(op) || op.value("streamed", false); }
  static bool is_read(const Json& op) { return op["class"] == "read" && is_engines(op); }

  // The row's example, in one collection.
  static Json example(const Json& op, const char* collection = "vault") {
    Json request = op["example"];
    request["collection"] = collection;
    return request;
  }
  // The same with the marker in every free text: values and names that nobody else stores.
  static Json marked_example(const Json& op) {
    Json request = example(op);
    for (const Json& arg : op["args"]) {
      const std::string name = arg["name"];
      if (!request.contains(name)) continue;
      if (arg["type"] == "json" && request[name].is_object()) request[name]["secret"] = kMarker;
      if (arg["type"] == "str" && arg["routing_key"] == true) request[name] = kMarker + request[name].get<std::string>();
    }
    return request;
  }

  std::map<std::string, Json> answers_to_reads(Client& client, const char* collection = "vault") {
    std::map<std::string, Json> answers;
    for (const Json& op : ops_) {
      if (is_read(op)) answers[op["name"]] = essence(ask(client, example(op, collection)));
    }
    return answers;
  }

  // All that there is to do to the collection "vault", with the marker in it.
  void fill(Client& client) {
    for (const Json& op : ops_) {
      if (!is_engines(op) || op["class"] != "write") continue;
      ask(client, example(op));
      ask(client, marked_example(op));
    }
    // Removing ops have run above: what remains is written again.
    for (const Json& op : ops_) {
      const std::string name = op["name"];
      const bool removes =
          name.find("delete") != std::string::npos || name.find("truncate") != std::string::npos;
      if (!is_engines(op) || op["class"] != "write" || removes) continue;
      Json request = example(op);
      request.erase("idempotency_key");
      ask(client, request);
      ask(client, marked_example(op));
    }
  }

  // What `permissions` in `collection` must give for each op, alone and inside a batch.
  void check_permissions(Client& client, const std::string& who, const std::set<std::string>& permissions,
                         const std::set<std::string>& kernel_permissions, const char* collection) {
    for (const Json& op : ops_) {
      const std::string needed = op["permission"];
      const auto& granted = is_of_collection(op) ? permissions : kernel_permissions;
      const bool is_allowed = needed == "none" || granted.count(needed) != 0;
      const Json request = example(op, collection);
      const std::string code = code_of(ask(client, request));
      if (!is_allowed) {
        EXPECT_EQ(code, "rejected_authz") << who << " " << op["name"];
      } else if (needed != "none") {
        EXPECT_NE(code, "rejected_authz") << who << " " << op["name"];
      }
      if (!is_engines(op) || is_allowed) continue;
      for (const bool is_atomic : {true, false}) {
        const Json batch = {{"op", "batch"}, {"atomic", is_atomic}, {"ops", {request}}};
        EXPECT_EQ(code_of(ask(client, batch)), "rejected_authz") << who << " batch of " << op["name"];
      }
    }
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 2, "[auth]\nmode = \"password\"\n", "dev"}};
  std::unique_ptr<Client> admin_;
  std::vector<Json> ops_;
};

TEST_F(LeakTest, NobodyUnknownReachesAnOp) {
  Client stranger(server_.port());
  for (const Json& op : ops_) {
    if (kAnybodysBeforeAuth.count(op["name"]) != 0) continue;
    EXPECT_EQ(code_of(ask(stranger, op["example"])), "unauthenticated") << op["name"];
  }
}

TEST_F(LeakTest, EachRoleReachesWhatItsPermissionsSay) {
  const int tenant = make_tenant("acme");
  for (const auto& [role, permissions] : kBuiltinRoles) {
    make_user(role + "-user", role, tenant);
    const auto client = connect(role + "-user");
    check_permissions(*client, role, permissions, permissions, "vault");
  }
  std::set<std::string> everything = kBuiltinRoles.at("tenant_admin");
  everything.insert("server");
  check_permissions(*admin_, "superuser", everything, everything, "vault");
}

TEST_F(LeakTest, AGrantOnOneCollectionReachesThatOneOnly) {
  const int tenant = make_tenant("acme");
  const std::map<std::string, std::set<std::string>> classes = {
      {"read", {"read"}}, {"write", {"write"}}, {"admin", {"create", "drop", "alter"}}};
  for (const auto& [name, permissions] : classes) {
    must({{"op", "role_create"}, {"role", name + "_of_one"}, {"tenant", tenant}});
    must({{"op", "grant_permission"}, {"role", name + "_of_one"}, {"class", name}, {"on", "vault"}, {"tenant", tenant}});
    // By inheritance, so that this is covered too.
    must({{"op", "role_create"}, {"role", name + "_heir"}, {"inherits", {name + "_of_one"}}, {"tenant", tenant}});
    make_user(name + "-user", name + "_heir", tenant);
    const auto client = connect(name + "-user");
    check_permissions(*client, name + " on vault, there", permissions, {}, "vault");
    check_permissions(*client, name + " on vault, elsewhere", {}, {}, "other");
  }
}

TEST_F(LeakTest, NothingOfOneTenantShowsInAnother) {
  const int a = make_tenant("acme");
  const int b = make_tenant("rival");
  for (const auto& [role, permissions] : kBuiltinRoles) {
    make_user("a-" + std::string(kMarker) + role, role, a);
    make_user("b-" + role, role, b);
  }
  const auto of_a = connect("a-" + std::string(kMarker) + "tenant_admin");
  const auto of_b = connect("b-tenant_admin");
  const auto empty = answers_to_reads(*of_b);

  // Tenant A does what there is to do.
  std::set<std::string> engines_that_show;
  fill(*of_a);
  ask(*of_a, {{"op", "role_create"}, {"role", kMarker}, {"idempotency_key", "same"}});
  ask(*of_a, {{"op", "api_key_create"}, {"username", "a-" + std::string(kMarker) + "readonly"}});
  const auto seen_by_a = answers_to_reads(*of_a);
  for (const Json& op : ops_) {
    const std::string name = op["name"];
    if (is_read(op) && seen_by_a.at(name) != empty.at(name)) engines_that_show.insert(op["engine"]);
  }
  // Otherwise this test would see nothing whatever leaks.
  for (const Json& op : ops_) {
    if (!is_engines(op)) continue;
    EXPECT_EQ(engines_that_show.count(op["engine"]), 1u) << op["engine"] << ": no example stores what another reads";
  }

  // Every role of tenant B, every op: what it is answered does not know tenant A.
  EXPECT_EQ(answers_to_reads(*of_b), empty);
  for (const auto& [role, permissions] : kBuiltinRoles) {
    const auto client = connect("b-" + role);
    for (const Json& op : ops_) {
      for (const Json& request : {example(op), Json(op["example"])}) {
        const std::string answer = ask(*client, request).dump();
        EXPECT_EQ(answer.find(kMarker), std::string::npos) << role << " " << request << answer;
      }
    }
    Json repeat = ask(*client, {{"op", "role_create"}, {"role", "mine"}, {"idempotency_key", "same"}});
    EXPECT_EQ(repeat.dump().find(kMarker), std::string::npos) << repeat;
  }
  // And all that tenant B did has not touched tenant A.
  EXPECT_EQ(answers_to_reads(*of_a), seen_by_a);
}

// The same answer where the other collection's name stood.
Json renamed(const Json& answer, const std::string& from, const std::string& to) {
  std::string text = answer.dump();
  const std::string quoted = "'" + from + "'";
  for (std::size_t at = 0; (at = text.find(quoted, at)) != std::string::npos;) {
    text.replace(at, quoted.size(), "'" + to + "'");
  }
  return Json::parse(text);
}

// Whoever a row policy binds is refused each op that does not ask for rows, and the others answer
// as if no hidden row were there, so a new engine, or a new op, shows nothing without a test of its
// own.
TEST_F(LeakTest, NoAnswerHoldsARowThatAPolicyHides) {
  const int tenant = make_tenant("acme");
  make_user("boss", "tenant_admin", tenant);
  must({{"op", "role_create"}, {"role", "all_classes"}, {"tenant", tenant}});
  for (const char* name : {"read", "write", "admin"}) {
    must(
        {{"op", "grant_permission"}, {"role", "all_classes"}, {"class", name}, {"tenant", tenant}});
  }
  const auto boss = connect("boss");
  fill(*boss);
  // Nothing of both collections is visible; one of them has nothing.
  for (const char* collection : {"vault", "blank"}) {
    must({{"op", "row_policy_create"},
          {"policy", "own"},
          {"on", collection},
          {"tenant", tenant},
          {"where", {{"visible_to", "$auth.username"}}}});
  }
  const auto seen_by_boss = answers_to_reads(*boss);
  const auto seen_of_nothing = answers_to_reads(*boss, "blank");
  std::set<std::string> asking;
  std::set<std::string> showing;
  for (const Json& op : ops_) {
    if (!is_read(op) || !op.value("rows_checked", false)) continue;
    asking.insert(op["engine"]);
    const Json of_nothing = renamed(seen_of_nothing.at(op["name"]), "blank", "vault");
    if (seen_by_boss.at(op["name"]) != of_nothing) showing.insert(op["engine"]);
  }
  EXPECT_EQ(showing, asking) << "otherwise this test would see nothing whatever leaks";

  for (const char* role : {"readwrite", "readonly", "monitor", "all_classes"}) {
    make_user(std::string("of-") + role, role, tenant);
    const auto client = connect(std::string("of-") + role);
    for (const Json& op : ops_) {
      const bool is_checked = op.value("rows_checked", false);
      for (const Json& request : {example(op), marked_example(op)}) {
        const Json answer = ask(*client, request);
        // Of what it asked itself a user may read its own marker: in the names of what is not
        // there.
        if (request == example(op)) {
          EXPECT_EQ(answer.dump().find(kMarker), std::string::npos) << role << request << answer;
        }
        if (is_of_collection(op) && !is_checked) {
          EXPECT_EQ(code_of(answer), "rejected_authz") << role << request;
        }
        if (!is_engines(op)) continue;
        for (const bool is_atomic : {true, false}) {
          const Json in_batch =
              ask(*client, {{"op", "batch"}, {"atomic", is_atomic}, {"ops", {example(op)}}});
          EXPECT_EQ(in_batch.dump().find(kMarker), std::string::npos)
              << role << request << in_batch;
          if (!is_checked) {
            EXPECT_NE(in_batch["status"], "ok") << role << request;
          }
        }
      }
      if (!is_read(op) || !is_checked) continue;
      const Json answer = essence(ask(*client, example(op)));
      const Json of_blank = renamed(essence(ask(*client, example(op, "blank"))), "blank", "vault");
      EXPECT_EQ(code_of(answer), code_of(of_blank)) << role << op["name"];
      // Refusals for want of a permission name the collection.
      if (code_of(answer) != "rejected_authz") {
        EXPECT_EQ(answer, of_blank) << role << op["name"];
      }
    }
  }
  EXPECT_EQ(answers_to_reads(*boss), seen_by_boss) << "and none of them has changed a hidden row";
}

TEST_F(LeakTest, ATenantsAdminRulesItsTenantAlone) {
  const int a = make_tenant("acme");
  const int b = make_tenant("rival");
  make_user("a-user", "readonly", a);
  make_user("b-boss", "tenant_admin", b);
  make_user("root-b", "superuser", b);
  const auto boss = connect("b-boss");
  const auto refused = [&](const Json& request) {
    const std::string code = code_of(ask(*boss, request));
    return code == "rejected_authz" || code == "not_found";
  };
  EXPECT_TRUE(refused({{"op", "user_drop"}, {"username", "a-user"}}));
  EXPECT_TRUE(refused({{"op", "user_drop"}, {"username", "root-b"}}));
  EXPECT_TRUE(refused({{"op", "user_set_password"}, {"username", "a-user"}, {"password", kPassword}}));
  EXPECT_TRUE(refused({{"op", "user_set_password"}, {"username", "root-b"}, {"password", kPassword}}));
  EXPECT_TRUE(refused({{"op", "user_create"}, {"username", "a-user"}, {"password", kPassword}, {"replace", true}}));
  EXPECT_TRUE(refused({{"op", "user_create"}, {"username", "x"}, {"password", kPassword}, {"role", "superuser"}}));
  EXPECT_TRUE(refused({{"op", "user_create"}, {"username", "x"}, {"password", kPassword}, {"tenant", a}}));
  EXPECT_TRUE(refused({{"op", "grant_role"}, {"username", "b-boss"}, {"role", "superuser"}}));
  EXPECT_TRUE(refused({{"op", "grant_role"}, {"username", "a-user"}, {"role", "readwrite"}}));
  EXPECT_TRUE(refused({{"op", "api_key_create"}, {"username", "a-user"}}));
  EXPECT_TRUE(refused({{"op", "api_key_create"}, {"username", "root-b"}}));
  EXPECT_TRUE(refused({{"op", "role_create"}, {"role", "x"}, {"tenant", a}}));
  EXPECT_TRUE(refused({{"op", "role_create"}, {"role", "x"}, {"inherits", {"superuser"}}}));
  EXPECT_TRUE(refused({{"op", "quota_get"}, {"tenant", a}}));
  // The gate says who calls, whatever the client says.
  EXPECT_TRUE(refused({{"op", "user_drop"}, {"username", "a-user"}, {"_caller", 4294967297}}));
  EXPECT_EQ(ask(*boss, {{"op", "user_create"}, {"username", "own"}, {"password", kPassword}})["status"], "ok");
  const Json listed = ask(*boss, {{"op", "user_list"}})["payload"]["users"];
  for (const Json& user : listed) EXPECT_EQ(user["tenant"], b) << user;
}

}  // namespace
}  // namespace stator::test
