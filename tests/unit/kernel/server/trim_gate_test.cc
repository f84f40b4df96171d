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

}  // namespace
}  // namespace stator::server
