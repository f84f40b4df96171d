// What happens to a collection in quarantine when somebody does something else with it: it is
// restored from a backup, its tenant is dropped; and an engine that refuses a record instead of
// crashing on it. crash_test.cc has how it gets there, and back.
#include <filesystem>
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
using testing::IsEmpty;
using testing::SizeIs;

const std::string kKeeper = in_build("tests/keeper");
const std::string kKeeperFixed = in_build("tests/keeper_fixed");

class QuarantineTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  // A server in a folder of its own, with the engine of that build.
  void use(const std::string& place, const std::string& build, const std::string& how = "") {
    std::filesystem::create_directories(dir_.path() + "/" + place);
    server_ = std::make_unique<ServerProcess>(ServerProcess::Options{
        .data_dir = dir_.path() + "/" + place,
        .lanes = GetParam(),
        .config = "engine_path = [\"" + build + "\"]\nengines = [\"document\", \"keeper\"]\n" +
                  "[backup]\ndirectory = \"" + dir_.path() +
                  "/backups\"\n[auth]\nmode = \"password\"\n",
        .environment = {"CRASH_IN=" + std::string(how.empty() ? "" : ",apply,"),
                        "CRASH_HOW=" + how}});
  }
  void start() {
    ASSERT_TRUE(server_->start()) << server_->errors();
    admin_ = log_in(server_->port(), "admin", "test-password");
  }
  // Starts until it comes up; how many did not.
  int crashes_until_up() {
    int crashed = 0;
    while (!server_->start() && crashed < 5) ++crashed;
    if (server_->is_running()) admin_ = log_in(server_->port(), "admin", "test-password");
    return crashed;
  }
  static void put(Client& client, const std::string& collection, const std::string& name,
                  const std::string& text) {
    must(client, {{"op", "keep_put"}, {"collection", collection}, {"name", name}, {"text", text}});
  }
  static Json get(Client& client, const std::string& collection, const std::string& name) {
    return ask(client, {{"op", "keep_get"}, {"collection", collection}, {"name", name}});
  }
  static std::string text(Client& client, const std::string& collection, const std::string& name) {
    const Json answer = get(client, collection, name);
    return answer["status"] == "ok" ? answer["payload"]["text"].get<std::string>()
                                    : answer["error_code"].get<std::string>();
  }
  // Before and behind the record that no build but the fixed one can apply, and in another
  // collection.
  static void fill(Client& client) {
    for (int n = 0; n < 8; ++n) put(client, "c", "n" + std::to_string(n), "1");
    put(client, "c", "poison", "p");
    for (int n = 0; n < 8; ++n) put(client, "c", "n" + std::to_string(n), "2");
    for (int n = 0; n < 8; ++n) put(client, "other", "n" + std::to_string(n), "3");
  }
  static void expect_quarantine(Client& client) {
    EXPECT_EQ(text(client, "c", "n1"), "engine_quarantined");
    EXPECT_EQ(text(client, "c", "poison"), "engine_quarantined");
    for (int n = 0; n < 8; ++n) EXPECT_EQ(text(client, "other", "n" + std::to_string(n)), "3;");
  }
  static void expect_all(Client& client) {
    EXPECT_EQ(text(client, "c", "poison"), "p;");
    for (int n = 0; n < 8; ++n) {
      EXPECT_EQ(text(client, "c", "n" + std::to_string(n)), "1;2;");
      EXPECT_EQ(text(client, "other", "n" + std::to_string(n)), "3;");
    }
  }
  Json keeper() {
    const Json list = must(*admin_, {{"op", "plugin_list"}});
    for (const Json& plugin : list["plugins"]) {
      if (plugin["id"] == "keeper") return plugin;
    }
    return {};
  }
  void restore(const std::string& backup, const std::string& place) {
    std::filesystem::create_directories(dir_.path() + "/" + place);
    const CommandResult result =
        run_statord({"restore", "--from", dir_.path() + "/backups/" + backup, "--data-dir",
                     dir_.path() + "/" + place + "/data"});
    ASSERT_EQ(result.exit_code, 0) << result.errors;
  }
  // With the tenant's user `acme` logged in.
  int make_tenant() {
    const int tenant = must(*admin_, {{"op", "tenant_create"}, {"name", "acme"}})["tenant_id"];
    must(*admin_, {{"op", "user_create"},
                   {"username", "acme"},
                   {"password", "correct horse"},
                   {"role", "tenant_admin"},
                   {"tenant", tenant}});
    return tenant;
  }
  void drop_tenant(int tenant) {
    must(*admin_, {{"op", "user_drop"}, {"username", "acme"}});
    must(*admin_, {{"op", "tenant_drop"}, {"tenant", tenant}});
    while (must(*admin_, {{"op", "tenant_list"}})["tenants"].size() > 1) {
    }
  }

  TempDir dir_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> admin_;
};

// A backup has what is parked, and no reports: the build that crashes finds out again, another one
// has all of it at once.
TEST_P(QuarantineTest, ARestoredBackupHasWhatWasKept) {
  use("first", kKeeper);
  start();
  fill(*admin_);
  server_->kill();
  use("first", kKeeper, "segv");
  EXPECT_EQ(crashes_until_up(), 2);
  expect_quarantine(*admin_);
  must(*admin_, {{"op", "backup"}, {"name", "full"}});
  put(*admin_, "other", "later", "4");
  must(*admin_, {{"op", "backup"}, {"name", "more"}, {"base", "full"}});
  EXPECT_EQ(server_->stop(), 0);

  restore("more", "again");
  use("again", kKeeper, "segv");
  EXPECT_EQ(crashes_until_up(), 2) << "what is parked is tried again";
  expect_quarantine(*admin_);
  EXPECT_EQ(text(*admin_, "other", "later"), "4;");
  server_->kill();
  use("again", kKeeperFixed);
  start();
  EXPECT_THAT(keeper()["quarantined"], IsEmpty());
  expect_all(*admin_);
  server_->kill();

  restore("more", "fixed");
  use("fixed", kKeeperFixed);
  start();
  expect_all(*admin_);
  EXPECT_EQ(text(*admin_, "other", "later"), "4;");
  EXPECT_EQ(server_->stop(), 0);
  start();
  expect_all(*admin_);
  EXPECT_EQ(server_->stop(), 0);
}

// Nothing of it is left, parked or not, for no build; and nobody crashes on it any more.
TEST_P(QuarantineTest, ADroppedTenantsIsGoneWithIt) {
  use("first", kKeeper);
  start();
  const int tenant = make_tenant();
  put(*admin_, "c", "n1", "mine");
  {
    const auto acme = log_in(server_->port(), "acme", "correct horse");
    fill(*acme);
  }
  server_->kill();
  use("first", kKeeper, "segv");
  EXPECT_EQ(crashes_until_up(), 2);
  {
    const auto acme = log_in(server_->port(), "acme", "correct horse");
    expect_quarantine(*acme);
  }
  EXPECT_EQ(text(*admin_, "c", "n1"), "mine;") << "another tenant's collection of that name";
  drop_tenant(tenant);
  const auto entries = [&] {
    return must(*admin_, {{"op", "digest"}})["engines"]["keeper"]["entries"].get<int>();
  };
  EXPECT_EQ(entries(), 1);
  server_->kill();
  EXPECT_EQ(crashes_until_up(), 0);
  EXPECT_EQ(entries(), 1);
  EXPECT_EQ(server_->stop(), 0);
  EXPECT_EQ(crashes_until_up(), 0);
  EXPECT_EQ(server_->stop(), 0);
  use("first", kKeeperFixed);
  start();
  EXPECT_EQ(entries(), 1) << "records of the tenant were applied after it was gone";
  EXPECT_EQ(text(*admin_, "c", "n1"), "mine;");
}

// The server is killed when the drop has begun: it is finished by a server that has the quarantine.
TEST_P(QuarantineTest, ADropThatIsCutOffGoesOn) {
  use("first", kKeeper);
  start();
  const int tenant = make_tenant();
  {
    const auto acme = log_in(server_->port(), "acme", "correct horse");
    fill(*acme);
  }
  server_->kill();
  use("first", kKeeper, "segv");
  EXPECT_EQ(crashes_until_up(), 2);
  must(*admin_, {{"op", "user_drop"}, {"username", "acme"}});
  must(*admin_, {{"op", "tenant_drop"}, {"tenant", tenant}});
  server_->kill();
  EXPECT_EQ(crashes_until_up(), 0);
  while (must(*admin_, {{"op", "tenant_list"}})["tenants"].size() > 1) {
  }
  EXPECT_EQ(server_->stop(), 0);
  use("first", kKeeperFixed);
  start();
  EXPECT_FALSE(must(*admin_, {{"op", "digest"}})["engines"].contains("keeper"));
}

// An exception out of apply is its answer `internal`. It stops the server as a crash does, and
// counts as one.
TEST_P(QuarantineTest, AnErrorOfApplyInTheReplayCountsAsACrash) {
  use("first", kKeeper);
  start();
  fill(*admin_);
  server_->kill();
  use("first", kKeeper, "error");
  EXPECT_FALSE(server_->start());
  EXPECT_EQ(server_->exit_code(), 1) << "it is no crash of the process";
  EXPECT_THAT(server_->errors(), HasSubstr("engine 'keeper' failed to apply record type 1"));
  EXPECT_EQ(crashes_until_up(), 1);
  expect_quarantine(*admin_);
  ASSERT_THAT(keeper()["quarantined"], SizeIs(1));
  EXPECT_EQ(keeper()["last_crash"]["signal"], "apply answers internal");
  server_->kill();
  start();
  expect_quarantine(*admin_);
  server_->kill();
  use("first", kKeeperFixed);
  start();
  expect_all(*admin_);
}

INSTANTIATE_TEST_SUITE_P(Lanes, QuarantineTest, testing::Values(1u, 2u),
                         [](const auto& lanes) { return "On" + std::to_string(lanes.param); });

}  // namespace
}  // namespace stator::test
