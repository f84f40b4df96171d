// More data than a memtable holds: checkpoints run while the server serves, and what is in the base
// reads like what is in memory.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/client.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

using nlohmann::json;

TEST(CheckpointTest, DataLargerThanAMemtableIsReadFromTheBase) {
  TempDir dir;
  ServerProcess server({dir.path(), 1, "[server]\nmemtable_mib = 1\n", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  constexpr int kBatches = 60;
  constexpr int kRows = 200;
  const std::string filler(400, 'x');
  {
    Client client(server.port());
    for (int b = 0; b < kBatches; ++b) {
      std::string body = R"({"op":"document_batch_insert","collection":"big","documents":[)";
      for (int r = 0; r < kRows; ++r) {
        const int n = b * kRows + r;
        body += (r == 0 ? "" : ",") + std::string(R"({"document_id":"d)") + std::to_string(n) + R"(","data":{"n":)" +
                std::to_string(n) + R"(,"f":")" + filler + "\"}}";
      }
      ASSERT_EQ(json::parse(client.ask(body + "]}"))["status"], "ok");
    }
  }
  // Not a clean stop: only checkpoints that ran while serving can have written the base.
  server.kill();
  const auto base = std::filesystem::path(dir.path()) / "data/store-1/lane-0/data.mdb";
  EXPECT_GT(std::filesystem::file_size(base), std::uintmax_t{kBatches * kRows * 200});
  ASSERT_TRUE(server.start()) << server.errors();
  Client client(server.port());
  for (int n = 0; n < kBatches * kRows; n += 997) {
    const json got = json::parse(client.ask(R"({"op":"point_get","collection":"big","payload_format":"json","document_id":"d)" + std::to_string(n) + "\"}"));
    ASSERT_EQ(got["status"], "ok") << n;
    ASSERT_EQ(got["payload"]["n"], n);
  }
  const json scan = json::parse(client.ask(R"({"op":"range_scan","collection":"big","payload_format":"json","field":"n","lower":11990,"limit":100})"));
  EXPECT_EQ(scan["payload"]["rows"].size(), std::size_t{10});
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace stator::test
