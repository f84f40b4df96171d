// At its memory limit the real server refuses writes by name, serves reads, and lives.
#include <fstream>
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/json_client.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

std::string rows(int first) {
  json batch = {{"op", "vector_batch_upsert"}, {"collection", "big"}, {"vectors", json::array()}};
  for (int i = 0; i < 100; ++i) {
    std::vector<double> vector(1000, 0.5);
    batch["vectors"].push_back({{"document_id", "v" + std::to_string(first + i)}, {"vector", vector}});
  }
  return batch.dump();
}

// Memory of its own that an idle server has: a sanitizer alone may take hundreds of MiB.
std::uint64_t idle_mib() {
  TempDir dir;
  ServerProcess server({dir.path(), 1, "", "dev"});
  if (!server.start()) return 0;
  std::ifstream status("/proc/" + std::to_string(server.pid()) + "/status");
  std::uint64_t kib = 0;
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") status >> kib;
  }
  return kib / 1024;
}

TEST(MemoryTest, AtTheLimitWritesAreRefusedAndReadsGoOn) {
  TempDir dir;
  const std::string limit = std::to_string(idle_mib() + 64);
  ServerProcess server({dir.path(), 1, "[server]\nmemory_limit_mib = " + limit + "\nmemtable_mib = 1\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  json answer;
  int acknowledged = 0;
  // 400 KB a time: six times the limit would have been written at the end.
  for (int i = 0; i < 1000; ++i) {
    answer = json::parse(client.ask(rows(i * 100)));
    if (answer["status"] != "ok") break;
    ++acknowledged;
  }
  ASSERT_EQ(answer["error_code"], "resources_exhausted") << answer;
  EXPECT_EQ(answer["retryable"], true);
  EXPECT_GT(answer["retry_after_ms"], 0);
  EXPECT_GT(acknowledged, 10);
  const json got = json::parse(client.ask(R"({"op":"vector_get","collection":"big","document_id":"v0"})"));
  EXPECT_EQ(got["status"], "ok") << got;
  // What frees memory goes on, until there is some for writes.
  const auto remove = [](int i) -> json {
    return {
        {"op", "vector_delete"}, {"collection", "big"}, {"document_id", "v" + std::to_string(i)}};
  };
  must(client, remove(0));
  const json mixed = {
      {"op", "batch"},
      {"ops", {remove(1), {{"op", "point_put"}, {"document_id", "d"}, {"data", json::object()}}}}};
  EXPECT_EQ(ask(client, mixed)["field"], "ops[1]");
  for (int from = 0; from < acknowledged * 100; from += 100) {
    json ops = json::array();
    for (int i = from; i < from + 100; ++i) ops.push_back(remove(i));
    must(client, {{"op", "batch"}, {"atomic", false}, {"ops", ops}});
  }
  if (kSanitized) GTEST_SKIP() << "a sanitizer keeps what was freed";
  const json put = {{"op", "point_put"}, {"document_id", "d"}, {"data", json::object()}};
  for (int tries = 0; ask(client, put)["status"] != "ok"; ++tries) ASSERT_LT(tries, 1'000'000);
  EXPECT_EQ(server.stop(), 0) << server.errors();
}

}  // namespace
}  // namespace stator::test
