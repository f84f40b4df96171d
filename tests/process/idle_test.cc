// Connections that do nothing cost next to nothing.
#include <algorithm>
#include <fstream>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "support/client.h"
#include "support/sanitizer.h"
#include "support/server_process.h"

namespace stator::test {
namespace {

constexpr std::size_t kConnections = 5000;
constexpr std::size_t kFirst = 1000;  // so many make everything resident that all of them share
constexpr std::size_t kBytesEach = 2048;

std::size_t resident_bytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(IdleConnectionsTest, EachOfThousandsTakesTwoKibibytesAtMost) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has a heap of its own";
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit raised = {limit.rlim_max, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &raised);  // the server inherits it
  if (limit.rlim_max < kConnections + 200)
    GTEST_SKIP() << "no more than " << limit.rlim_max << " files may be open";
  TempDir dir;
  ServerProcess server({dir.path(), 1, "", "dev"});
  ASSERT_TRUE(server.start()) << server.errors();
  std::vector<std::unique_ptr<Client>> clients;
  const auto open_up_to = [&](std::size_t count) {
    while (clients.size() < count) {
      clients.push_back(std::make_unique<Client>(server.port()));
      // Each has been used: its buffers came and went.
      clients.back()->ask(R"({"op":"point_put","document_id":"a","data":{"x":1}})");
      clients.back()->ask(R"({"op":"point_get","document_id":"a"})");
    }
  };
  open_up_to(kFirst);
  const std::size_t before = resident_bytes(server.pid());
  open_up_to(kConnections);
  const std::size_t after = resident_bytes(server.pid());
  const std::size_t each = (after - std::min(before, after)) / (kConnections - kFirst);
  RecordProperty("bytes_each", std::to_string(each));
  EXPECT_LE(each, kBytesEach);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace stator::test
