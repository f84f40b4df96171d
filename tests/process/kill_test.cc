// kill -9 of the real server under load on all engines, at random moments: everything that was
// acknowledged is there afterwards, no batch by half, indexes are what a rebuild would be, answers
// under idempotency keys stay what they were, and the history is linearizable.
#include <cstdlib>
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "support/sanitizer.h"
#include "support/seeds.h"
#include "support/server_process.h"
#include "support/workload.h"

namespace stator::test {
namespace {

// STATOR_ROUNDS=N rounds for each of the four, STATOR_SEED=N as its seed.
class KillTest : public testing::TestWithParam<unsigned> {};

TEST_P(KillTest, NothingAcknowledgedIsLost) {
  const unsigned seed = number_of("STATOR_SEED", 1) * 4 + GetParam();
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  TempDir dir(TempDir::kFast);
  // Small segments and no history: files of the log are used again. One of them encrypted.
  std::string config = "[server]\nmemtable_mib = 1\nlog_segment_mib = 1\n";
  if (GetParam() >= 2) config += "[changes]\nretain_mib = 0\n";
  if (GetParam() == 3) config += encryption_config(dir.path());
  ServerProcess server({dir.path(), 1 + GetParam() % 3, config, "dev"});
  Workload workload(seed);
  const unsigned rounds = number_of("STATOR_ROUNDS", kSanitized ? 10 : 50);
  for (unsigned round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_TRUE(server.start()) << server.errors();
    workload.run(server.port());
    const std::size_t enough = 1 + random() % 250;
    while (workload.answered() < enough && server.is_alive()) std::this_thread::yield();
    server.kill();
    workload.join();
    // Sometimes on another number of lanes.
    if (random() % 10 == 0) server.set_lanes(static_cast<std::uint32_t>(1 + random() % 3));
    ASSERT_TRUE(server.start()) << server.errors();
    ASSERT_EQ(workload.verify(server.port()), "");
    random() % 2 == 0 ? static_cast<void>(server.stop()) : server.kill();
  }
  RecordProperty("history", static_cast<int>(workload.writes()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, KillTest, testing::Range(0u, 4u));

}  // namespace
}  // namespace stator::test
