#include "server/trim_gate.h"

#include <gtest/gtest.h>

#include "wal/sim_log.h"

namespace stator::server {
namespace {

// A log of ten records, all durable; the first that is still there tells how far it was trimmed.
class TrimGateTest : public testing::Test {
 protected:
  TrimGateTest() {
    for (int i = 0; i < 10; ++i) {
      wal::BatchBuilder batch;
      STATOR_ASSERT(batch.add({EngineNumber{1}, 1, TenantId{1}, VShardId{1}, "c", "p"}).ok());
      STATOR_ASSERT(log_.append(batch, 1).ok());
    }
    log_.commit();
  }
  std::uint64_t first_kept() const { return log_.oldest().value(); }
  wal::SimLog log_;
  TrimGate gate_{log_, {Lsn{0}, Lsn{0}}};
};

TEST_F(TrimGateTest, WhatEveryLaneHasIsTrimmed) {
  gate_.on_applied(LaneId{0}, Lsn{6});
  EXPECT_EQ(first_kept(), 1u);
  gate_.on_applied(LaneId{1}, Lsn{4});
  EXPECT_EQ(gate_.oldest_applied(), Lsn{4});
  EXPECT_EQ(first_kept(), 5u);
}

TEST_F(TrimGateTest, AHoldKeepsTheLogUntilItEnds) {
  {
    const TrimHold hold(gate_);
    gate_.on_applied(LaneId{0}, Lsn{6});
    gate_.on_applied(LaneId{1}, Lsn{6});
    EXPECT_EQ(first_kept(), 1u);
  }
  EXPECT_EQ(first_kept(), 7u);
}

// Where the disk is full, history may go, but nothing that a lane or a backup needs.
TEST_F(TrimGateTest, WhatNoLaneNeedsMayGoBeforeTheDiskIsFull) {
  TrimGate gate(log_, {Lsn{0}, Lsn{0}}, History{.bytes = 1u << 30, .ms = 1u << 30});
  gate.on_applied(LaneId{0}, Lsn{6});
  EXPECT_LE(log_.allowed_trim(), Lsn{1});
  gate.on_applied(LaneId{1}, Lsn{4});
  EXPECT_EQ(log_.allowed_trim(), Lsn{5});
  {
    const TrimHold hold(gate);
    EXPECT_LE(log_.allowed_trim(), Lsn{1});
    gate.on_applied(LaneId{1}, Lsn{6});
    EXPECT_LE(log_.allowed_trim(), Lsn{1});
  }
  EXPECT_EQ(log_.allowed_trim(), Lsn{7});
}

class StoppedClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override { return 1; }
  std::uint64_t wall_ms() override { return now_ms; }
  std::uint64_t now_ms = 0;
};

TEST_F(TrimGateTest, HistoryIsKeptThoughNoLaneNeedsIt) {
  StoppedClock clock;
  clock.now_ms = 101;
  // Every batch of the log is a part, written at 1 ms.
  const std::uint64_t part = log_.parts().front().bytes;
  TrimGate gate(log_, {Lsn{0}}, History{.bytes = 3 * part, .ms = 1000}, clock);
  gate.on_applied(LaneId{0}, Lsn{10});
  EXPECT_EQ(first_kept(), 8u);
}

TEST_F(TrimGateTest, HistoryNeverLetsGoWhatALaneNeeds) {
  TrimGate gate(log_, {Lsn{0}, Lsn{0}}, History{.bytes = 1, .ms = 0});
  gate.on_applied(LaneId{0}, Lsn{10});
  EXPECT_EQ(first_kept(), 1u);
}

TEST(HistoryTest, GoesByTheFirstOfSizeAndAge) {
  const std::vector<wal::LogPart> parts = {
      {Lsn{1}, 10, 1000}, {Lsn{11}, 10, 2000}, {Lsn{21}, 10, 3000}, {Lsn{31}, 10, 4000}};
  const auto begin = [&](std::uint64_t bytes, std::uint64_t ms) {
    return begin_of({.bytes = bytes, .ms = ms}, parts, 5000).value();
  };
  EXPECT_EQ(begin(1000, 10'000), 1u);
  EXPECT_EQ(begin(0, 0), 31u) << "what is being written stays";
  EXPECT_EQ(begin(20, 10'000), 21u);
  EXPECT_EQ(begin(29, 10'000), 21u);
  EXPECT_EQ(begin(30, 10'000), 11u);
  // Records of the first part are younger than 2000, so at least 3000 old.
  EXPECT_EQ(begin(1000, 3000), 11u);
  EXPECT_EQ(begin(1000, 3001), 1u);
  EXPECT_EQ(begin(1000, 1000), 31u);
}

TEST(HistoryTest, APartBehindWhichNothingWasWrittenIsYoung) {
  const std::vector<wal::LogPart> parts = {{Lsn{1}, 10, 1000}, {Lsn{11}, 10, 0}};
  EXPECT_EQ(begin_of({.bytes = 100, .ms = 1}, parts, 5000), Lsn{1});
  EXPECT_EQ(begin_of({.bytes = 100, .ms = 0}, parts, 5000), Lsn{11});
}

}  // namespace
}  // namespace stator::server
