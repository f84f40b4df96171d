// An engine that crashes ends the process, says so, and does not end the next one for ever.
#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <semaphore>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/places.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string kKeeper = in_build("tests/keeper");
const std::string kKeeperFixed = in_build("tests/keeper_fixed");

class CrashTest : public testing::Test {
 protected:
  void SetUp() override { use(kKeeper); }
  // The engine of this folder, from the next start on.
  void use(const std::string& folder) {
    server_.set_config("engine_path = [\"" + folder +
                       "\"]\nengines = [\"document\", \"keeper\"]\n");
  }
  // From the next start on.
  void crash_in(const std::string& phases, const std::string& how = "",
                const std::string& after = "") {
    server_.set_environment(
        {"CRASH_IN=," + phases + ",", "CRASH_HOW=" + how, "CRASH_AFTER=" + after});
  }
  void start() { ASSERT_TRUE(server_.start()) << server_.errors(); }
  json ask(const std::string& body) { return json::parse(Client(server_.port()).ask(body)); }
  static std::string put_of(const std::string& name, const std::string& text,
                            const std::string& collection) {
    return R"({"op":"keep_put","collection":")" + collection + R"(","name":")" + name +
           R"(","text":")" + text + R"("})";
  }
  static std::string get_of(const std::string& name, const std::string& collection) {
    return R"({"op":"keep_get","collection":")" + collection +
           R"(","payload_format":"json","name":")" + name + R"("})";
  }
  void put(const std::string& name, const std::string& text, const std::string& collection = "c") {
    const json answer = ask(put_of(name, text, collection));
    ASSERT_EQ(answer["status"], "ok") << answer;
  }
  void expect_text(const std::string& name, const std::string& text,
                   const std::string& collection = "c") {
    const json answer = ask(get_of(name, collection));
    ASSERT_EQ(answer["status"], "ok") << answer;
    EXPECT_EQ(answer["payload"]["text"], text);
  }
  // Sends what ends the server, and waits for its end.
  void crash_by(const std::string& body) {
    Client client(server_.port());
    client.send(body);
    while (client.receive()) continue;  // background work crashes after its answer
    server_.await_end();
  }
  void expect_quarantined(const std::string& body, const std::string& part = "") {
    const json answer = ask(body);
    EXPECT_EQ(answer["error_code"], "engine_quarantined") << answer;
    EXPECT_THAT(answer["error"].get<std::string>(),
                AllOf(HasSubstr("statord plugin retry"), HasSubstr(part)));
  }
  std::vector<json> reports() const {
    std::vector<json> found;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory(), none)) {
      std::ifstream file(entry.path());
      found.push_back(json::parse(std::string(std::istreambuf_iterator<char>(file), {})));
    }
    std::sort(found.begin(), found.end(),
              [](const json& a, const json& b) { return a["time_ms"] < b["time_ms"]; });
    return found;
  }
  json keeper() {
    const json answer = ask(R"({"op":"plugin_list","payload_format":"json"})");
    for (const json& plugin : answer["payload"]["plugins"]) {
      if (plugin["id"] == "keeper") return plugin;
    }
    return {};
  }
  std::string data() const { return dir_.path() + "/data"; }
  std::string directory() const { return data() + "/crashes"; }
  void retry() {
    const CommandResult result = run_statord({"plugin", "retry", "--data-dir", data()});
    ASSERT_EQ(result.exit_code, 0) << result.errors;
  }

  TempDir dir_;
  ServerProcess server_{{dir_.path(), 2, "", "dev"}};
};

// A sanitizer's own handler comes after ours, and ends the process in its way.
void expect_death(int exit_code, int signal) {
  if (kSanitized) {
    EXPECT_NE(exit_code, 0);
  } else {
    EXPECT_EQ(exit_code, 128 + signal);
  }
}

struct Way {
  std::string how;
  int signal;
};
class CrashWaysTest : public CrashTest, public testing::WithParamInterface<Way> {};

// The report is there, and the process has died of what it would have died of without it.
TEST_P(CrashWaysTest, EndsTheProcessAndIsReported) {
  crash_in("read", GetParam().how);
  start();
  put("a", "1");
  Client client(server_.port());
  client.send(get_of("poison", "c"));
  EXPECT_EQ(client.receive(), std::nullopt);
  expect_death(server_.await_end(), GetParam().signal);
  ASSERT_THAT(reports(), SizeIs(1));
  const json report = reports()[0];
  EXPECT_EQ(report["signal"], std::string("SIG") + sigabbrev_np(GetParam().signal));
  EXPECT_EQ(report["engine"], "keeper");
  EXPECT_EQ(report["version"], "1.0.0");
  EXPECT_EQ(report["phase"], "read");
  EXPECT_EQ(report["op"], "keep_get");
  EXPECT_EQ(report["request_op"], "keep_get");
  EXPECT_EQ(report["collection"], "c");
  EXPECT_EQ(report["tenant"], 1);
  EXPECT_FALSE(report["build_id"].get<std::string>().empty());
  EXPECT_THAT(server_.errors(),
              AllOf(HasSubstr("engine 'keeper' 1.0.0 crashed in read: "), HasSubstr(directory())));
  start();
  expect_text("a", "1;");
  EXPECT_EQ(keeper()["crashes"], 1);
  EXPECT_EQ(keeper()["last_crash"]["op"], "keep_get");
  EXPECT_THAT(keeper()["quarantined"], IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    All, CrashWaysTest,
    testing::Values(Way{"", SIGSEGV}, Way{"abort", SIGABRT}, Way{"exit", SIGABRT},
                    Way{"quick_exit", SIGABRT}, Way{"throw", SIGABRT}, Way{"overflow", SIGSEGV},
                    Way{"divide", SIGFPE}, Way{"trap", SIGILL}, Way{"bus", SIGBUS}),
    [](const auto& way) { return way.param.how.empty() ? "store" : way.param.how; });

TEST_F(CrashTest, AnAssertionOfTheKernelInsideACallIsTheEngines) {
  start();
  crash_by(get_of("breach", "c"));
  ASSERT_THAT(reports(), SizeIs(1));
  EXPECT_EQ(reports()[0]["signal"], "SIGABRT");
  EXPECT_EQ(reports()[0]["phase"], "read");
}

// Where the fault was, as addr2line wants it.
TEST_F(CrashTest, TheReportSaysWhereInTheLibrary) {
  crash_in("read");
  start();
  crash_by(get_of("poison", "c"));
  const json report = reports()[0];
  EXPECT_EQ(report["address"], "0x8");
  const auto offset = std::stoull(report["library_offset"].get<std::string>(), nullptr, 16);
  EXPECT_LT(offset, std::filesystem::file_size(kKeeper + "/keeper.so"));
}

TEST_F(CrashTest, EachPhaseIsNamed) {
  const auto crashes = [&](const std::string& phase, const std::string& body) {
    std::filesystem::remove_all(directory());
    crash_in(phase);
    start();
    crash_by(body);
    ASSERT_THAT(reports(), SizeIs(1)) << phase;
    EXPECT_EQ(reports()[0]["phase"], phase == "scan" ? "read" : phase);
  };
  crashes("prepare", put_of("poison", "x", "c"));
  crashes("apply", put_of("poison", "x", "c"));
  EXPECT_EQ(reports()[0]["op"], "keep_put");
  EXPECT_GT(reports()[0]["lsn"], 0);
  crashes("merge", R"({"op":"keep_count","collection":"c"})");
  crashes("scan", R"({"op":"keep_count","collection":"c"})");  // on a stack of its own
  EXPECT_EQ(reports()[0]["op"], "keep_count");
  crashes("work", put_of("a", "x", "poison"));
  EXPECT_EQ(reports()[0]["collection"], "poison");
  std::filesystem::remove_all(directory());
  for (const std::string phase : {"load", "describe", "open"}) {
    crash_in(phase);
    EXPECT_FALSE(server_.start());
    ASSERT_FALSE(reports().empty()) << phase << server_.errors();
    EXPECT_EQ(reports().back()["phase"], phase);
    std::filesystem::remove_all(directory());
  }
  crash_in("close");
  start();
  put("a", "x");
  expect_death(server_.stop(), SIGSEGV);
  EXPECT_EQ(reports().back()["phase"], "close");
  start();  // everything was written before
  expect_text("a", "x;");
}

TEST_F(CrashTest, WhatComesFromOutsideIsNoCrashOfAnEngine) {
  start();
  ::kill(server_.pid(), SIGSEGV);
  expect_death(server_.await_end(), SIGSEGV);
  EXPECT_THAT(reports(), IsEmpty());
}

// A thread of the process that has computed for half a second.
pid_t await_busy_thread(pid_t process) {
  for (;;) {
    for (const auto& thread :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      std::ifstream file(thread.path() / "stat");
      std::string word;
      for (int field = 1; field <= 14; ++field) file >> word;  // utime: proc(5)
      if (std::stol(word) >= sysconf(_SC_CLK_TCK) / 2) return std::stoi(thread.path().filename());
    }
  }
}

TEST_F(CrashTest, WhatComesFromOutsideDuringACallIsNoCrashOfItsEngine) {
  crash_in("read", "wait");
  start();
  Client client(server_.port());
  client.send(get_of("poison", "c"));
  const pid_t thread = await_busy_thread(server_.pid());
  ASSERT_EQ(syscall(SYS_tgkill, server_.pid(), thread, SIGSEGV), 0);
  expect_death(server_.await_end(), SIGSEGV);
  EXPECT_THAT(reports(), IsEmpty());
}

TEST_F(CrashTest, TheSameRequestIsRefusedAfterTwoCrashesAndOthersAreNot) {
  crash_in("read");
  for (int i = 0; i < 2; ++i) {
    start();
    put("a", "1");
    crash_by(get_of("poison", "c"));
  }
  start();
  expect_quarantined(get_of("poison", "c"), "keep_get");
  expect_text("a", "1;1;");
  // In a batch too; the others of it are not to blame.
  const json batch =
      ask(R"({"op":"batch","ops":[{"op":"keep_get","collection":"c","name":"poison"}]})");
  EXPECT_EQ(batch["error_code"], "engine_quarantined") << batch;
  EXPECT_THAT(keeper()["quarantined"], SizeIs(1));
  crash_by(get_of("poison", "d"));  // another request
  const std::string lines = run_statord({"plugin", "crashes", "--data-dir", data()}).out;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
  EXPECT_EQ(json::parse(lines.substr(0, lines.find('\n')))["op"], "keep_get");
  // Tried again by the same version, if that is wanted.
  retry();
  start();
  crash_by(get_of("poison", "c"));
  start();
  // A fixed one starts with nothing against it.
  crash_by(get_of("poison", "c"));
  use(kKeeperFixed);
  start();
  EXPECT_EQ(ask(get_of("poison", "c"))["error_code"], "not_found");
  EXPECT_THAT(keeper()["quarantined"], IsEmpty());
  EXPECT_EQ(keeper()["crashes"], 2);
}

TEST_F(CrashTest, AnOpThatCrashesWhateverIsAskedIsRefused) {
  crash_in("read");
  for (int i = 0; i < 5; ++i) {
    start();
    crash_by(get_of("poison" + std::to_string(i), "c"));
  }
  start();
  expect_quarantined(get_of("poison99", "c"), "the op is refused");
  expect_quarantined(get_of("a", "c"), "the op is refused");
  put("a", "1");  // another op
}

// The write that crashed was not durable: the server comes up without it. Asked for twice it is no
// longer tried, also where the request is another one.
TEST_F(CrashTest, ARecordThatCrashedBeforeItWasDurableIsNotWrittenAThirdTime) {
  crash_in("apply");
  server_.set_lanes(1);
  for (int i = 0; i < 2; ++i) {
    start();
    put("a", "1");
    crash_by(R"({"op":"batch","ops":[)" + put_of("poison", "x", "c") + "]}");
    EXPECT_EQ(reports().back()["phase"], "apply");
  }
  start();
  expect_text("a", "1;1;");
  expect_quarantined(R"({"op":"batch","ops":[)" + put_of("poison", "x", "c") + "]}",
                     "not given the same one again");
  expect_quarantined(put_of("poison", "x", "c"));
  put("b", "1");
}

TEST_F(CrashTest, BackgroundWorkThatCrashesRests) {
  start();
  put("a", "1", "poison");  // durable: work may run, and crash, before the record it is for is
  EXPECT_EQ(server_.stop(), 0);
  crash_in("work");
  for (int i = 0; i < 2; ++i) {  // its alarm is set again when the engine is opened
    server_.start();             // how far it comes is a matter of luck
    server_.await_end();
  }
  EXPECT_THAT(reports(), SizeIs(2));
  start();
  EXPECT_THAT(keeper()["quarantined"], SizeIs(1));
  put("c", "1", "poison");  // the collection goes on without it
  put("c", "1", "other");
  expect_text("c", "1;", "poison");
  EXPECT_TRUE(server_.is_alive());
  EXPECT_EQ(server_.stop(), 0);
}

TEST_F(CrashTest, AnEngineThatCrashesWhenItIsOpenedIsLeftOut) {
  start();
  put("a", "1");
  server_.kill();
  for (const std::string phase : {"open", "describe", "load"}) {
    crash_in(phase);
    EXPECT_FALSE(server_.start());
    EXPECT_FALSE(server_.start());
    start();
    const json stored =
        ask(R"({"op":"point_put","collection":"c","document_id":"a","data":{"n":1}})");
    EXPECT_EQ(stored["status"], "ok") << stored;
    const json answer = ask(get_of("a", "c"));
    EXPECT_EQ(answer["error_code"], phase == "open" ? "engine_quarantined" : "unknown_op")
        << answer;
    server_.kill();
    retry();
  }
  crash_in("nothing");
  start();
  expect_text("a", "1;");
}

TEST_F(CrashTest, ASubscriberDoesNotCrashTheServerForEver) {
  crash_in("change");
  start();
  put("poison", "1");
  for (int i = 0; i < 2; ++i) {
    Client client(server_.port());
    client.send(
        R"({"op":"subscribe","id":"s","collection":"c","payload_format":"json","from_lsn":1})");
    while (client.receive()) continue;
    server_.await_end();
    EXPECT_EQ(reports().back()["phase"], "change");
    start();
  }
  Client client(server_.port());
  client.send(
      R"({"op":"subscribe","id":"s","collection":"c","payload_format":"json","from_lsn":1})");
  std::string seen;
  while (seen.find("keeper") == std::string::npos) {
    const auto frame = client.receive();
    ASSERT_TRUE(frame);
    seen = *frame;
  }
}

// ---- a record of the log that its engine cannot apply
// ----------------------------------------------

class PoisonTest : public CrashTest, public testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    CrashTest::SetUp();
    server_.set_lanes(lanes());
  }
  static std::uint32_t lanes() { return static_cast<std::uint32_t>(GetParam()); }
  static constexpr int kNames = 8;
  static std::string name(int n) { return "n" + std::to_string(n); }
  // Before the record that will be poison, and after it, in its collection and another one.
  void fill(const std::string& text) {
    for (int n = 0; n < kNames; ++n) {
      put(name(n), text);
      put(name(n), text, "other");
    }
  }
  void expect_all(const std::string& text, const std::string& collection) {
    for (int n = 0; n < kNames; ++n) expect_text(name(n), text, collection);
  }
  // Starts until it comes up; how many did not.
  int crashes_until_up() {
    int crashed = 0;
    while (!server_.start()) {
      ++crashed;
      if (crashed > 5) ADD_FAILURE() << server_.errors();
      if (crashed > 5) break;
    }
    return crashed;
  }
  void expect_quarantine() {
    expect_quarantined(get_of(name(1), "c"), "at LSN");
    expect_quarantined(put_of(name(1), "x", "c"), "keeper");
    expect_quarantined(R"({"op":"keep_count","collection":"c"})");
    const json stored =
        ask(R"({"op":"point_put","collection":"c","document_id":"a","data":{"n":1}})");
    EXPECT_EQ(stored["status"], "ok") << stored;  // another engine in the same collection
    EXPECT_THAT(keeper()["quarantined"], SizeIs(1));
  }
};

// Written by a build that could; a later one cannot apply it in its replay.
TEST_P(PoisonTest, ItsCollectionIsInQuarantineAndNothingIsLost) {
  start();
  fill("1");
  put("poison", "p");
  fill("2");
  server_.kill();
  crash_in("apply");
  EXPECT_EQ(crashes_until_up(), 2);
  EXPECT_THAT(reports(), SizeIs(2));
  EXPECT_EQ(reports()[1]["phase"], "replay");
  expect_quarantine();
  expect_all("1;2;", "other");
  // It stays so through kills, clean stops with a checkpoint, and another number of lanes.
  for (int n = 0; n < kNames; ++n) put(name(n), "3", "other");
  server_.kill();
  start();
  expect_quarantine();
  EXPECT_EQ(server_.stop(), 0);
  start();
  expect_quarantine();
  EXPECT_EQ(server_.stop(), 0);
  server_.set_lanes(lanes() + 1);
  start();
  expect_quarantine();
  expect_all("1;2;3;", "other");
  EXPECT_THAT(reports(), SizeIs(2));
  server_.kill();
  // The fixed version gets what was kept, in its order, once.
  use(kKeeperFixed);
  start();
  EXPECT_THAT(keeper()["quarantined"], IsEmpty());
  expect_text("poison", "p;");
  expect_all("1;2;", "c");
  put(name(0), "4");
  server_.kill();
  start();
  expect_text(name(0), "1;2;4;");
  expect_text(name(1), "1;2;");
  EXPECT_EQ(server_.stop(), 0);
  start();
  expect_text(name(0), "1;2;4;");
  expect_all("1;2;3;", "other");
}

// What a dying process leaves half-written counts for nothing, and killed starts change nothing.
TEST_P(PoisonTest, AKillAtAnyMomentCostsOneMoreCrashAtMost) {
  start();
  put(name(0), "1");
  put("poison", "p");
  put(name(0), "2");
  server_.kill();
  crash_in("apply");
  EXPECT_FALSE(server_.start());
  const std::string whole = std::filesystem::directory_iterator(directory())->path();
  std::filesystem::rename(whole, whole.substr(0, whole.size() - 4) + "tmp");
  std::filesystem::resize_file(whole.substr(0, whole.size() - 4) + "tmp", 40);
  EXPECT_EQ(crashes_until_up(), 2);
  EXPECT_THAT(reports(), SizeIs(2));
  for (int i = 0; i < 3; ++i) {
    expect_quarantine();
    server_.kill();
    start();
  }
  server_.kill();
  // One more try of the same version ends the same way, from the same state.
  retry();
  EXPECT_EQ(crashes_until_up(), 2);
  expect_quarantine();
  server_.kill();
  crash_in("nothing");  // as if the machine had been at fault
  retry();
  start();
  expect_text(name(0), "1;2;");
  expect_text("poison", "p;");
}

INSTANTIATE_TEST_SUITE_P(Lanes, PoisonTest, testing::Values(1, 2),
                         [](const auto& lanes) { return "On" + std::to_string(lanes.param); });

// It crashes where it is written, when the other lane has made it durable already.
TEST_F(CrashTest, ADurableRecordThatCrashesLiveIsInQuarantineAtTheSecondStart) {
  const std::string fifo = dir_.path() + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  start();
  put("a", "1");
  EXPECT_EQ(server_.stop(), 0);
  crash_in("apply", "", fifo);
  start();
  // On both lanes.
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t lanes = 0; lanes < 2 || clients.size() < 3;) {
    clients.push_back(std::make_unique<Client>(server_.port()));
    const json seen = json::parse(
        clients.back()->ask(R"({"op":"server_stats","payload_format":"json"})"))["payload"];
    lanes = 0;
    for (const json& lane : seen["lanes"]) lanes += lane["connections"] > 0 ? 1u : 0u;
  }
  Client writer(server_.port());
  writer.send(put_of("poison", "p", "c"));
  const int held =
      open(fifo.c_str(), O_WRONLY | O_CLOEXEC);  // returns when the engine waits for us
  // Some of these are on the lane that goes on, and so are some of what they write.
  std::counting_semaphore<> answered(0);
  std::vector<std::thread> threads;
  for (const auto& client : clients) {
    threads.emplace_back([&] {
      for (int k = 0; k < 32; ++k) {
        std::string body = put_of("n" + std::to_string(k), "1", "other");
        client->send(body.insert(1, "\"id\":" + std::to_string(k) + ","));
      }
      try {
        while (const auto answer = client->receive()) {
          if (json::parse(*answer)["status"] == "ok") answered.release();
        }
      } catch (const std::runtime_error&) {
        // The server is gone.
      }
    });
  }
  answered.acquire();
  close(held);
  for (std::thread& thread : threads) thread.join();
  server_.await_end();
  ASSERT_THAT(reports(), SizeIs(1));
  EXPECT_EQ(reports()[0]["phase"], "apply");
  const json lsn = reports()[0]["lsn"];
  crash_in("apply");
  EXPECT_FALSE(server_.start());  // the replay
  ASSERT_THAT(reports(), SizeIs(2));
  EXPECT_EQ(reports()[1]["lsn"], lsn);
  start();
  expect_quarantined(get_of("a", "c"), "at LSN " + lsn.dump());
  EXPECT_EQ(server_.stop(), 0);
  use(kKeeperFixed);
  start();
  expect_text("a", "1;");
  expect_text("poison", "p;");
}

}  // namespace
}  // namespace stator::test
