// Every connection is an open file, and so is what the log needs next: clients do not take the
// last.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client.h"
#include "support/cost_probe.h"
#include "support/places.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

using Clients = std::vector<std::unique_ptr<Client>>;

constexpr const char* kPing = R"({"op":"ping"})";

// How many of `count` further clients are taken.
std::size_t open_more(Clients& clients, std::uint16_t port, std::size_t count) {
  const std::size_t before = clients.size();
  for (std::size_t i = 0; i < count; ++i) clients.push_back(std::make_unique<Client>(port));
  std::size_t taken = 0;
  for (std::size_t i = before; i < clients.size(); ++i) {
    try {
      clients[i]->send(kPing);
      const auto answer = clients[i]->receive();
      if (answer && answer->find(R"("status":"ok")") != std::string::npos) ++taken;
    } catch (const std::exception&) {
      // It was closed before it was asked.
    }
  }
  return taken;
}

json ended(Client& client) {
  const json stats = json::parse(client.ask(R"({"op":"server_stats","payload_format":"json"})"));
  return stats["payload"]["lanes"][0]["ended"];
}

TEST(OpenFilesTest, TheServerRaisesItsOwnLimit) {
  constexpr std::size_t kSoft = 256;
  TempDir dir;
  ServerProcess server({dir.path(), 1, "", "dev"});
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit low = {kSoft, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  const bool is_started = server.start();
  setrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_TRUE(is_started) << server.errors();
  Clients clients;
  EXPECT_EQ(open_more(clients, server.port(), 2 * kSoft), 2 * kSoft);
}

TEST(OpenFilesTest, ClientsLeaveEnoughForTheLog) {
  constexpr std::size_t kFiles = 400;
  TempDir dir;
  ServerProcess server({.data_dir = dir.path(),
                        .config = "[server]\nlog_segment_mib = 1\nmemtable_mib = 1\n"
                                  "http_listen = \"127.0.0.1:0\"\n",
                        .files = kFiles});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  Clients clients;
  const std::size_t taken = open_more(clients, server.port(), kFiles);
  EXPECT_GT(taken, kFiles / 3);
  EXPECT_LT(taken, kFiles * 2 / 3);
  EXPECT_EQ(ended(client)["too_many"], kFiles - taken);
  EXPECT_THAT(server.errors(), HasSubstr("a connection was refused"));
  // Who is not taken is told why, if it hears before it asks.
  for (const auto& [port, words] : {std::pair(server.port(), R"("error_code":"busy")"),
                                    std::pair(server.http_port(), "HTTP/1.1 503")}) {
    EXPECT_THAT(Client(port).receive_until("}"), HasSubstr(words));
  }
  // New segments and checkpoints.
  const json data = {{"text", std::string(400'000, 'x')}};
  for (int i = 0; i < 20; ++i) {
    const json put = {{"op", "point_put"}, {"document_id", std::to_string(i)}, {"data", data}};
    EXPECT_THAT(client.ask(put.dump()), HasSubstr(R"("status":"ok")"));
  }
  EXPECT_THAT(client.ask(R"({"op":"checkpoint"})"), HasSubstr(R"("status":"ok")"));
  // Who goes makes room.
  clients.clear();
  while (open_more(clients, server.port(), 1) == 0) sched_yield();
}

TEST(OpenFilesTest, ALimitThatIsTooLowIsSaidAtTheStart) {
  TempDir dir;
  ServerProcess server({.data_dir = dir.path(), .config = "", .files = 100});
  EXPECT_FALSE(server.start());
  EXPECT_THAT(server.errors(), HasSubstr("ulimit -n"));
}

// Without one left to take a connection, epoll tells of it again and again.
TEST(OpenFilesTest, WhereNoneIsLeftTheServerWaitsAndDoesNotSpin) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has calls of its own";
  constexpr std::uint64_t kPings = 3000;
  TempDir dir;
  ServerProcess server({dir.path(), 1, "", "dev"});
  const std::string path = dir.path() + "/counters";
  CostCounters* counters = make_counters(path);
  ASSERT_NE(counters, nullptr);
  setenv("STATOR_COST_PROBE", path.c_str(), 1);
  setenv("LD_PRELOAD", in_build("tests/process/libcost_probe.so").c_str(), 1);
  const bool is_started = server.start();
  unsetenv("LD_PRELOAD");
  ASSERT_TRUE(is_started) << server.errors();
  Client client(server.port());
  client.ask(kPing);
  const std::string files = "/proc/" + std::to_string(server.pid()) + "/fd/";
  rlimit limit{};
  rlimit none{};
  prlimit(server.pid(), RLIMIT_NOFILE, nullptr, &limit);
  while (std::filesystem::is_symlink(files + std::to_string(none.rlim_cur))) ++none.rlim_cur;
  none.rlim_max = limit.rlim_max;
  prlimit(server.pid(), RLIMIT_NOFILE, &none, nullptr);
  const auto is_refused = [&] {
    return server.errors().find("no connection can be taken") != std::string::npos;
  };
  // What the server had open when it was counted may be closed by now: then it takes another.
  std::vector<std::unique_ptr<Client>> taken;
  std::unique_ptr<Client> waits;
  while (!is_refused()) {
    if (waits != nullptr) taken.push_back(std::move(waits));
    waits = std::make_unique<Client>(server.port());
    waits->send(kPing);
    while (!is_refused() && !waits->has_answer()) sched_yield();
  }
  const std::uint64_t before = counters->waits;
  for (std::uint64_t i = 0; i < kPings; ++i) client.ask(kPing);
  EXPECT_LT(counters->waits - before, kPings * 5 / 2);
  prlimit(server.pid(), RLIMIT_NOFILE, &limit, nullptr);
  const auto answer = waits->receive();
  EXPECT_TRUE(answer && answer->find(R"("status":"ok")") != std::string::npos);
  munmap(counters, sizeof(CostCounters));
}

}  // namespace
}  // namespace stator::test
