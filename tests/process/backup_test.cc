// Backups of a server that goes on, and what is made of them: everything up to one LSN, nothing
// behind it.
#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/client_program.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json ask(Client& client, json request) {
  request["payload_format"] = "json";
  return json::parse(client.ask(request.dump()));
}

json put(Client& client, const std::string& document, int number) {
  return ask(client, {{"op", "point_put"},
                      {"collection", "b"},
                      {"document_id", document},
                      {"data", {{"n", number}}}});
}

bool has(Client& client, const std::string& document) {
  const json got =
      ask(client, {{"op", "point_get"}, {"collection", "b"}, {"document_id", document}});
  EXPECT_TRUE(got["status"] == "ok" || got["error_code"] == "not_found") << got;
  return got["status"] == "ok";
}

class BackupTest : public testing::Test {
 protected:
  std::string config(const std::string& more = "") const {
    return "[backup]\ndirectory = \"" + root() + "\"\n" + more;
  }
  std::string root() const { return dir_.path() + "/backups"; }
  // A directory to restore into: what a ServerProcess takes for its own.
  std::string fresh() {
    const std::string path = dir_.path() + "/restored-" + std::to_string(++restored_);
    std::filesystem::create_directory(path);
    return path;
  }
  CommandResult restore(const std::string& name, const std::string& into) {
    return run_statord({"restore", "--from", root() + "/" + name, "--data-dir", into + "/data"});
  }
  // Restores and starts.
  std::unique_ptr<ServerProcess> restored(const std::string& name, std::uint32_t lanes,
                                          const std::string& more = "") {
    const std::string into = fresh();
    const CommandResult result = restore(name, into);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    auto server =
        std::make_unique<ServerProcess>(ServerProcess::Options{into, lanes, config(more), "dev"});
    EXPECT_TRUE(server->start()) << server->errors();
    EXPECT_EQ(json::parse(server->ready_line())["recovered_lsn"], json::parse(result.out)["lsn"]);
    return server;
  }
  TempDir dir_;
  int restored_ = 0;
};

// ---- under load ---------------------------------------------------------------------------------

constexpr const char* kPassword = "[auth]\nmode = \"password\"\n[server]\nmemtable_mib = 1\n";

// Puts documents of its own until it is told to stop, and notes the LSN of each.
class Writer {
 public:
  Writer(std::uint16_t port, std::string prefix) : client_(port), prefix_(std::move(prefix)) {
    ask(client_, {{"op", "auth"},
                  {"method", "password"},
                  {"username", "anna"},
                  {"password", "anna-password"}});
    thread_ = std::thread([this] { run(); });
  }
  ~Writer() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  void wait_for(std::size_t writes) const {
    while (done_.load() < writes) std::this_thread::yield();
  }
  std::size_t done() const { return done_.load(); }
  const std::vector<std::uint64_t>& stop() {
    is_stopping_ = true;
    thread_.join();
    return lsns_;
  }
  std::string document(std::size_t i) const { return prefix_ + std::to_string(i); }

 private:
  void run() {
    const std::string filler(2000, 'f');
    while (!is_stopping_) {
      const json answer = ask(client_, {{"op", "point_put"},
                                        {"collection", "b"},
                                        {"document_id", document(lsns_.size())},
                                        {"data", {{"n", lsns_.size()}, {"f", filler}}}});
      if (answer["status"] != "ok") return;
      lsns_.push_back(answer["payload"]["lsn"]);
      ++done_;
    }
  }
  Client client_;
  const std::string prefix_;
  std::vector<std::uint64_t> lsns_;
  std::atomic<std::size_t> done_{0};
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

// Lanes, and who writes the backup: the server below its directory, or `stator pull-backup`.
class LoadedBackupTest : public BackupTest,
                         public testing::WithParamInterface<std::tuple<unsigned, bool>> {
 protected:
  unsigned lanes() const { return std::get<0>(GetParam()); }
  json take(ServerProcess& server, Client& admin) {
    if (!std::get<1>(GetParam())) {
      const json taken = ask(admin, {{"op", "backup"}, {"name", "x"}, {"deadline_ms", 600000}});
      EXPECT_EQ(taken["status"], "ok") << taken;
      return taken["payload"];
    }
    setenv("STATOR_PASSWORD", "test-password", 1);
    std::filesystem::create_directory(root());
    ClientProgram program(dir_.path(), server.port(),
                          {"--user", "admin", "pull-backup", root() + "/x"});
    EXPECT_EQ(program.wait(), 0) << program.errors();
    return json::parse(program.out());
  }
};

TEST_P(LoadedBackupTest, HoldsEverythingUpToItsLsnAndNothingBehind) {
  ServerProcess server({dir_.path(), lanes(), config(kPassword), "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client admin(server.port());
  const json login = {
      {"op", "auth"}, {"method", "password"}, {"username", "admin"}, {"password", "test-password"}};
  ASSERT_EQ(ask(admin, login)["status"], "ok");
  ask(admin, {{"op", "user_create"}, {"username", "anna"}, {"password", "anna-password"}});
  ASSERT_EQ(ask(admin, {{"op", "index_create"}, {"collection", "b"}, {"path", "n"}})["status"],
            "ok");
  std::uint64_t lsn = 0;
  std::uint64_t documents = 0;
  std::vector<std::pair<std::string, bool>> expected;  // document, is in the backup
  {
    Writer one(server.port(), "one-");
    Writer two(server.port(), "two-");
    one.wait_for(1000);
    two.wait_for(1000);
    lsn = take(server, admin)["lsn"];
    one.wait_for(one.done() + 200);
    two.wait_for(two.done() + 200);
    for (Writer* writer : {&one, &two}) {
      const auto& lsns = writer->stop();
      for (std::size_t i = 0; i < lsns.size(); ++i)
        expected.emplace_back(writer->document(i), lsns[i] <= lsn);
    }
  }
  server.kill();
  const auto again = restored("x", lanes(), kPassword);
  EXPECT_EQ(json::parse(again->ready_line())["recovered_lsn"], lsn);
  Client reader(again->port());
  ASSERT_EQ(ask(reader, {{"op", "auth"},
                         {"method", "password"},
                         {"username", "anna"},
                         {"password", "anna-password"}})["status"],
            "ok");
  for (const auto& [document, is_in] : expected) {
    ASSERT_EQ(has(reader, document), is_in) << document << ", backup at LSN " << lsn;
    documents += is_in ? 1 : 0;
  }
  EXPECT_GE(documents, 2000u);
  EXPECT_GT(expected.size(), documents) << "something was written behind it";
  std::size_t found = 0;
  // Windows of numbers; each writer has every number once.
  for (std::size_t lower = 0; lower < expected.size(); lower += 200) {
    const json page = ask(reader, {{"op", "range_scan"},
                                   {"collection", "b"},
                                   {"field", "n"},
                                   {"lower", lower},
                                   {"upper", lower + 200},
                                   {"limit", 1000}});
    ASSERT_EQ(page["status"], "ok") << page;
    ASSERT_TRUE(page["payload"]["indexed"]);
    found += page["payload"]["rows"].size();
  }
  EXPECT_EQ(found, documents) << "the index";
}

INSTANTIATE_TEST_SUITE_P(Lanes, LoadedBackupTest,
                         testing::Combine(testing::Values(1u, 2u), testing::Bool()));

// ---- chains -------------------------------------------------------------------------------------

TEST_F(BackupTest, AnIncrementalBackupContinuesItsBase) {
  ServerProcess server({dir_.path(), 2, config(), "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  int next = 0;
  const auto put_some = [&](Client& to) {
    for (int i = 0; i < 20; ++i, ++next)
      ASSERT_EQ(put(to, "d" + std::to_string(next), next)["status"], "ok");
  };
  const auto backup = [&](Client& of, const std::string& name, const std::string& base) {
    json request = {{"op", "backup"}, {"name", name}};
    if (!base.empty()) request["base"] = base;
    const json taken = ask(of, request);
    ASSERT_EQ(taken["status"], "ok") << taken;
  };
  put_some(client);
  backup(client, "a", "");
  put_some(client);
  backup(client, "b", "a");
  ask(client, {{"op", "checkpoint"}});
  put_some(client);
  backup(client, "c", "b");
  put_some(client);
  server.kill();
  const auto holds = [&](Client& of, int documents) {
    for (int i = 0; i < next; ++i) ASSERT_EQ(has(of, "d" + std::to_string(i)), i < documents) << i;
  };
  {
    const auto b = restored("b", 2);
    Client of_b(b->port());
    holds(of_b, 40);
    EXPECT_EQ(b->stop(), 0) << b->errors();
  }
  const auto c = restored("c", 2);
  Client of_c(c->port());
  holds(of_c, 60);
  // The restored server goes on where the backup ends, and so may its backups.
  next = 60;
  put_some(of_c);
  backup(of_c, "d", "c");
  c->kill();
  const auto d = restored("d", 2);
  Client of_d(d->port());
  holds(of_d, 80);
}

TEST_F(BackupTest, AChainIsAsLongAsItIsTaken) {
  ServerProcess server({dir_.path(), 1, config(), "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "b0"}})["status"], "ok");
  put(client, "x", 1);
  for (int i = 1; i <= 1000; ++i) {
    const std::string base = "b" + std::to_string(i - 1);
    const json taken =
        ask(client, {{"op", "backup"}, {"name", "b" + std::to_string(i)}, {"base", base}});
    ASSERT_EQ(taken["status"], "ok") << taken;
  }
  server.kill();
  const auto again = restored("b1000", 1);
  Client reader(again->port());
  EXPECT_TRUE(has(reader, "x"));
}

TEST_F(BackupTest, ABaseOfAnotherServerIsRefused) {
  {
    ServerProcess other({fresh(), 1, config(), "dev"});
    ASSERT_TRUE(other.start());
    Client client(other.port());
    put(client, "x", 1);
    ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "other"}})["status"], "ok");
  }
  ServerProcess server({dir_.path(), 1, config(), "dev"});
  ASSERT_TRUE(server.start());
  Client client(server.port());
  const json behind = ask(client, {{"op", "backup"}, {"name", "a"}, {"base", "other"}});
  EXPECT_EQ(behind["error_code"], "rejected_prevalidation") << behind;
  // At one of these LSNs the other one ended.
  for (int i = 0; i < 10; ++i) {
    put(client, "d" + std::to_string(i), i);
    const json mixed = ask(client, {{"op", "backup"}, {"name", "a"}, {"base", "other"}});
    ASSERT_EQ(mixed["error_code"], "rejected_prevalidation") << mixed;
    EXPECT_EQ(mixed["field"], "base");
  }
  EXPECT_FALSE(std::filesystem::exists(root() + "/a"));
  EXPECT_FALSE(std::filesystem::exists(root() + "/a.partial"));
}

TEST_F(BackupTest, ServersThatShareADirectoryTakeTurns) {
  ServerProcess server({dir_.path(), 1, config(), "dev"});
  ASSERT_TRUE(server.start());
  Client client(server.port());
  put(client, "a", 1);
  // Another server is at it, and in the middle of a file.
  std::filesystem::create_directories(root() + "/x.partial");
  std::ofstream(root() + "/x.partial/lane-0.mdb") << "half";
  const int lock = open((root() + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  const json second = ask(client, {{"op", "backup"}, {"name", "x"}});
  EXPECT_EQ(second["error_code"], "busy") << second;
  EXPECT_THAT(second["error"].get<std::string>(), HasSubstr("another server"));
  EXPECT_TRUE(second.contains("retry_after_ms")) << second;
  EXPECT_EQ(content(root() + "/x.partial/lane-0.mdb"), "half");
  close(lock);
  // It ended without a word: what it left is taken away.
  EXPECT_EQ(ask(client, {{"op", "backup"}, {"name", "x"}})["status"], "ok");
  EXPECT_EQ(ask(client, {{"op", "backup"}, {"name", "y"}})["status"], "ok");
}

TEST_F(BackupTest, WhenTheLogIsTrimmedAFullOneIsAskedFor) {
  ServerProcess server({dir_.path(), 1, config("[server]\nmemtable_mib = 4\n[changes]\nretain_mib = 0\n"), "dev"});
  ASSERT_TRUE(server.start());
  Client client(server.port());
  put(client, "first", 1);
  ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "a"}})["status"], "ok");
  put(client, "second", 2);
  const std::string filler(1 << 20, 'f');
  for (int i = 0; i < 140; ++i) {
    ASSERT_EQ(ask(client, {{"op", "point_put"},
                           {"document_id", "big" + std::to_string(i % 4)},
                           {"data", {{"f", filler}}}})["status"],
              "ok");
  }
  ASSERT_EQ(ask(client, {{"op", "checkpoint"}})["status"], "ok");
  // The log's own thread removes what nobody needs.
  const std::string first = dir_.path() + "/data/wal/00000000000000000001.wal";
  while (std::filesystem::exists(first)) ask(client, {{"op", "ping"}});
  const json refused = ask(client, {{"op", "backup"}, {"name", "b"}, {"base", "a"}});
  EXPECT_EQ(refused["error_code"], "rejected_prevalidation") << refused;
  EXPECT_EQ(refused["field"], "base");
  EXPECT_THAT(refused["hint"].get<std::string>(), HasSubstr("full"));
}

// ---- backups that go to their client
// -------------------------------------------------------------

class PulledBackupTest : public BackupTest {
 protected:
  PulledBackupTest() { std::filesystem::create_directory(root()); }
  // The exit code; what was said is in errors_ and out_.
  int pull(ServerProcess& server, std::vector<std::string> words) {
    words.insert(words.begin(), "pull-backup");
    ClientProgram program(dir_.path(), server.port(), words);
    const int code = program.wait();
    errors_ = program.errors();
    out_ = program.out();
    return code;
  }
  // Documents that together are more than sockets hold.
  static void put_much(Client& client) {
    const std::string filler(1 << 20, 'f');
    for (int i = 0; i < 24; ++i) {
      ASSERT_EQ(ask(client, {{"op", "point_put"},
                             {"collection", "b"},
                             {"document_id", "d" + std::to_string(i)},
                             {"data", {{"f", filler}}}})["status"],
                "ok");
    }
  }
  static json begin(Client& client, const json& more = json::object()) {
    json request = {{"op", "backup_stream"}, {"name", "x"}, {"payload_format", "json"}};
    request.update(more);
    return json::parse(client.ask(request.dump()));
  }
  static json receive(Client& client) { return json::parse(client.receive().value()); }
  static bool is_running(Client& client) {
    return ask(client, {{"op", "server_stats"}})["payload"]["backup"]["running"];
  }
  // Long before a backup that nobody reads would end by itself.
  static bool ends_soon(Client& client) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (is_running(client)) {
      if (std::chrono::steady_clock::now() > limit) return false;
    }
    return true;
  }
  std::string errors_;
  std::string out_;
};

TEST_F(PulledBackupTest, NeedsNoDirectoryOfTheServerAndIsContinued) {
  ServerProcess server({dir_.path(), 2, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  put(client, "a", 1);
  ASSERT_EQ(pull(server, {root() + "/full/"}), 0) << errors_;
  EXPECT_EQ(json::parse(out_)["name"], "full");
  put(client, "b", 2);
  ASSERT_EQ(pull(server, {root() + "/more", "--base", root() + "/full"}), 0) << errors_;
  EXPECT_EQ(json::parse(out_)["files"], 1);
  ASSERT_EQ(pull(server, {root() + "/nothing", "--base", root() + "/more"}), 0) << errors_;
  put(client, "c", 3);
  server.kill();
  const auto again = restored("nothing", 2);
  Client reader(again->port());
  EXPECT_TRUE(has(reader, "a"));
  EXPECT_TRUE(has(reader, "b"));
  EXPECT_FALSE(has(reader, "c"));
}

// Who may not read them may still have made them: directories of both kinds continue each other.
TEST_F(PulledBackupTest, ContinuesOneThatTheServerWroteAndTheOtherWayRound) {
  ServerProcess server({dir_.path(), 1, config(), "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  put(client, "a", 1);
  ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "one"}})["status"], "ok");
  put(client, "b", 2);
  ASSERT_EQ(pull(server, {root() + "/two", "--base", root() + "/one"}), 0) << errors_;
  put(client, "c", 3);
  ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "three"}, {"base", "two"}})["status"], "ok");
  server.kill();
  const auto again = restored("three", 1);
  Client reader(again->port());
  for (const char* document : {"a", "b", "c"}) EXPECT_TRUE(has(reader, document)) << document;
}

TEST_F(PulledBackupTest, WhatCannotBeContinuedIsRefused) {
  ServerProcess server({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  {
    ServerProcess other({fresh(), 1, "", "dev"});
    ASSERT_TRUE(other.start());
    Client client(other.port());
    put(client, "x", 1);
    ASSERT_EQ(pull(other, {root() + "/other"}), 0) << errors_;
  }
  EXPECT_EQ(pull(server, {root() + "/a", "--base", root() + "/other"}), 1);
  EXPECT_THAT(errors_, HasSubstr("of another server"));
  EXPECT_EQ(pull(server, {root() + "/other"}), 2);
  EXPECT_THAT(errors_, HasSubstr("exists already"));
  EXPECT_EQ(pull(server, {root() + "/a", "--base", root() + "/none"}), 2);
  EXPECT_EQ(pull(server, {dir_.path() + "/a", "--base", root() + "/other"}), 2);
  EXPECT_THAT(errors_, HasSubstr("beside its base"));
  std::filesystem::rename(root() + "/other", root() + "/renamed");
  EXPECT_EQ(pull(server, {root() + "/a", "--base", root() + "/renamed"}), 2);
  EXPECT_THAT(errors_, HasSubstr("give the directory that name again"));
  std::ofstream(root() + "/renamed/MANIFEST", std::ios::app) << "x";
  EXPECT_EQ(pull(server, {root() + "/a", "--base", root() + "/renamed"}), 2);
  EXPECT_THAT(errors_, HasSubstr("is damaged"));
  EXPECT_EQ(pull(server, {root() + "/.hidden"}), 1);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root()), {}), 1)
      << "nothing was left";
}

TEST_F(PulledBackupTest, TheFilesComePieceByPieceWithoutAGap) {
  ServerProcess server({dir_.path(), 2, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  put_much(client);
  json frame = begin(client);
  EXPECT_EQ(frame["payload"], (json{{"name", "x"}, {"format", 1}}));
  std::vector<std::string> files;
  std::uint64_t offset = 0;
  std::string before;
  for (frame = receive(client); frame["status"] == "partial"; frame = receive(client)) {
    const json& piece = frame["payload"];
    if (files.empty() || files.back() != piece["file"]) {
      files.push_back(piece["file"]);
      offset = 0;
    }
    ASSERT_EQ(piece["offset"], offset) << files.back();
    const std::string data = piece["data"];
    offset +=
        data.size() / 4 * 3 - static_cast<std::size_t>(std::count(data.begin(), data.end(), '='));
  }
  EXPECT_EQ(frame["status"], "ok") << frame;
  EXPECT_EQ(frame["payload"]["files"], 4);
  EXPECT_EQ(files, (std::vector<std::string>{"lane-0.mdb", "lane-1.mdb", "LAYOUT", "log",
                                             "MANIFEST", "MANIFEST.sha256"}));
}

TEST_F(PulledBackupTest, AClientThatDoesNotReadStopsTheBackupAndNobodyElse) {
  ServerProcess server({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client other(server.port());
  put_much(other);
  Client slow(server.port(), 4096);
  ASSERT_EQ(begin(slow)["status"], "partial");
  while (ask(other, {{"op", "server_stats"}})["payload"]["lanes"][0]["streams_paused"] == 0) {
  }
  EXPECT_TRUE(is_running(other));
  const json second = begin(other, {{"name", "y"}});
  EXPECT_EQ(second["error_code"], "busy") << second;
  EXPECT_EQ(put(other, "e", 1)["status"], "ok");
  json frame;
  while ((frame = receive(slow))["status"] == "partial") {
  }
  EXPECT_EQ(frame["status"], "ok") << frame;
  EXPECT_FALSE(is_running(other));
}

TEST_F(PulledBackupTest, ACancelAndAClientThatGoesMakeRoomForTheNext) {
  ServerProcess server({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port(), 4096);
  put_much(client);
  ASSERT_EQ(begin(client, {{"id", "mine"}})["status"], "partial");
  client.send(R"({"op":"unsubscribe","id":"mine"})");
  client.send(R"({"op":"cancel","id":"mine"})");
  std::vector<std::string> ends;
  while (ends.size() < 3) {
    const json frame = receive(client);
    const std::string status = frame["status"];
    if (status != "partial") ends.push_back(status == "ok" ? status : frame["error_code"].get<std::string>());
  }
  EXPECT_EQ(ends, (std::vector<std::string>{"not_found", "cancelled", "ok"}));
  EXPECT_TRUE(ends_soon(client));
  {
    Client gone(server.port(), 4096);
    ASSERT_EQ(begin(gone)["status"], "partial");
    EXPECT_TRUE(is_running(client));
  }
  EXPECT_TRUE(ends_soon(client));
  EXPECT_EQ(pull(server, {root() + "/x"}), 0) << errors_;
}

TEST_F(PulledBackupTest, AStopOfTheServerEndsIt) {
  ServerProcess server({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port(), 4096);
  put_much(client);
  ASSERT_EQ(begin(client)["status"], "partial");
  std::thread reader([&] {
    json frame;
    while ((frame = receive(client))["status"] == "partial") {
    }
    EXPECT_EQ(frame["error_code"], "busy") << frame;
  });
  EXPECT_EQ(server.stop(), 0) << server.errors();
  reader.join();
}

TEST_F(PulledBackupTest, AClientThatIsKilledLeavesNothingThatLooksLikeABackup) {
  ServerProcess server({dir_.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  put_much(client);
  const std::string partial = root() + "/x.partial";
  {
    ClientProgram program(dir_.path(), server.port(), {"pull-backup", root() + "/x"});
    while (program.is_alive() && !std::filesystem::exists(partial + "/lane-0.mdb")) {
    }
    program.kill();
    program.wait();
  }
  EXPECT_FALSE(std::filesystem::exists(root() + "/x"));
  EXPECT_TRUE(std::filesystem::exists(partial));
  EXPECT_TRUE(ends_soon(client));
  EXPECT_EQ(pull(server, {root() + "/x"}), 0) << errors_;
  EXPECT_FALSE(std::filesystem::exists(partial)) << "the next pull takes it away";
}

// ---- damage -------------------------------------------------------------------------------------

class DamagedBackupTest : public BackupTest {
 protected:
  void SetUp() override {
    ServerProcess server({dir_.path(), 2, config(), "dev"});
    ASSERT_TRUE(server.start()) << server.errors();
    Client client(server.port());
    for (int i = 0; i < 10; ++i) put(client, "d" + std::to_string(i), i);
    ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "a"}})["status"], "ok");
    put(client, "e", 1);
    ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "b"}, {"base", "a"}})["status"], "ok");
    EXPECT_EQ(server.stop(), 0);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root())) {
      if (entry.is_regular_file() && entry.path().filename() != ".lock")
        files_.push_back(entry.path().string());
    }
    ASSERT_EQ(files_.size(), std::size_t{6 + 3});
  }
  // Must be refused, name the file, and leave nothing.
  void expect_refused(const std::string& file) {
    const std::string into = fresh();
    const CommandResult result = restore("b", into);
    EXPECT_EQ(result.exit_code, 1) << file;
    EXPECT_THAT(result.errors, HasSubstr(file));
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_EQ(result.out, "");
    EXPECT_FALSE(std::filesystem::exists(into + "/data"));
  }
  std::vector<std::string> files_;
};

TEST_F(DamagedBackupTest, AFlippedByteInAnyFileIsRefused) {
  for (const std::string& file : files_) {
    const auto size = std::filesystem::file_size(file);
    for (const auto at : {std::uintmax_t{0}, size / 2, size - 1}) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      char byte = 0;
      stream.seekg(static_cast<std::streamoff>(at)).get(byte);
      stream.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte ^ 1)).flush();
      expect_refused(file);
      stream.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
    }
  }
  EXPECT_EQ(restore("b", fresh()).exit_code, 0) << "mended, it is good";
}

TEST_F(DamagedBackupTest, AMissingOrCutFileIsRefused) {
  for (const std::string& file : files_) {
    std::filesystem::rename(file, file + "-away");
    // Without MANIFEST it is no backup at all: the directory is named.
    const bool is_manifest = file.ends_with("/MANIFEST");
    expect_refused(is_manifest ? file.substr(0, file.rfind('/')) : file);
    std::filesystem::copy(file + "-away", file);
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
    expect_refused(file);
    std::filesystem::remove(file);
    std::filesystem::rename(file + "-away", file);
  }
}

TEST_F(DamagedBackupTest, AnotherBackupUnderTheBasesNameIsRefused) {
  std::filesystem::remove_all(root() + "/a");
  {
    ServerProcess other({fresh(), 2, config(), "dev"});
    ASSERT_TRUE(other.start());
    Client client(other.port());
    ASSERT_EQ(ask(client, {{"op", "backup"}, {"name", "a"}})["status"], "ok");
  }
  expect_refused(root() + "/a/MANIFEST");
}

TEST_F(DamagedBackupTest, ADirectoryThatHoldsSomethingIsNotTouched) {
  const std::string into = fresh();
  std::filesystem::create_directory(into + "/data");
  EXPECT_EQ(restore("b", into).exit_code, 0) << "an empty one is taken";
  const CommandResult again = restore("b", into);
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.errors, HasSubstr("is not empty"));
  const std::string foreign = fresh();
  std::filesystem::create_directory(foreign + "/data");
  std::ofstream(foreign + "/data/letter") << "mine";
  EXPECT_EQ(restore("b", foreign).exit_code, 1);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(foreign + "/data"), {}), 1);
}

TEST_F(DamagedBackupTest, AServerDoesNotStartOnARestoreThatWasBrokenOff) {
  const std::string into = fresh();
  ASSERT_EQ(restore("b", into).exit_code, 0);
  std::filesystem::remove(into + "/data/LAYOUT");  // it is written last
  ServerProcess server({into, 2, "", "dev"});
  EXPECT_FALSE(server.start());
  EXPECT_THAT(server.errors(), HasSubstr("LAYOUT"));
  // Nor where it had only begun.
  for (const auto& made : std::filesystem::directory_iterator(into + "/data")) {
    if (made.path().filename() != "LOCK") std::filesystem::remove_all(made.path());
  }
  std::filesystem::create_directory(into + "/data/wal");
  EXPECT_FALSE(server.start());
}

TEST_F(DamagedBackupTest, ItIsFoundFromItsOwnDirectoryAndThroughALink) {
  std::filesystem::create_directory_symlink(root() + "/b", dir_.path() + "/newest");
  // Moved away, with a link in its place: its base lies beside the link.
  const std::string moved = dir_.path() + "/moved";
  std::filesystem::create_directories(moved + "/root");
  std::filesystem::create_directory_symlink(root() + "/a", moved + "/root/a");
  std::filesystem::copy(root() + "/b", moved + "/b");
  std::filesystem::create_directory_symlink(moved + "/b", moved + "/root/b");
  const std::string there = std::filesystem::current_path();
  std::filesystem::current_path(root() + "/b");
  for (const std::string& from : {std::string("."), dir_.path() + "/newest", moved + "/root/b"}) {
    const CommandResult done =
        run_statord({"restore", "--from", from, "--data-dir", fresh() + "/data"});
    EXPECT_EQ(done.exit_code, 0) << done.errors;
  }
  std::filesystem::current_path(there);
}

TEST_F(DamagedBackupTest, ItIsRestoredWithAnotherNumberOfLanesToo) {
  const auto server = restored("b", 3);
  Client client(server->port());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(has(client, "d" + std::to_string(i)));
  EXPECT_TRUE(has(client, "e"));
}

}  // namespace
}  // namespace stator::test
