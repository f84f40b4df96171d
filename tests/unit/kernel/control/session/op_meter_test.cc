#include "control/session/op_meter.h"

#include <gtest/gtest.h>

namespace stator::session {
namespace {

TEST(OpMeterTest, ABucketHoldsTimesUpToItsBound) {
  constexpr std::uint64_t kFirst = std::uint64_t{1} << OpMeter::kFirstBucket;
  EXPECT_EQ(OpMeter::bucket_of(0), 0u);
  EXPECT_EQ(OpMeter::bucket_of(kFirst), 0u) << "a bound belongs to its bucket";
  EXPECT_EQ(OpMeter::bucket_of(kFirst + 1), 1u);
  EXPECT_EQ(OpMeter::bucket_of(2 * kFirst), 1u);
  EXPECT_EQ(OpMeter::bucket_of(~std::uint64_t{0}), OpMeter::kBuckets - 1);
}

TEST(OpMeterTest, CountsByOpAndByError) {
  OpMeter meter(2);
  meter.note(1, ErrorCode::kOk, 5);
  meter.note(1, ErrorCode::kBusy, 7);
  meter.note(77, ErrorCode::kUnknownOp, 1);
  meter.note_error(ErrorCode::kBusy);
  ASSERT_EQ(meter.ops().size(), 3u);
  EXPECT_EQ(meter.ops()[1].buckets[0], 2u);
  EXPECT_EQ(meter.ops()[1].sum_ns, 12u);
  EXPECT_EQ(meter.ops()[0].buckets[0], 0u);
  EXPECT_EQ(meter.ops()[2].buckets[0], 1u) << "whatever names no op";
  EXPECT_EQ(meter.errors()[error_index(ErrorCode::kBusy)], 2u);
  EXPECT_EQ(meter.errors()[error_index(ErrorCode::kUnknownOp)], 1u);
}

}  // namespace
}  // namespace stator::session
