#include "control/auth/tenant_meter.h"

#include <gtest/gtest.h>

namespace stator::auth {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kStart = 1000 * kSecondNs;

TEST(TenantMeterTest, TakesASecondsWorthAtOnceAndThenOneByOne) {
  TenantMeter meter;
  meter.set_limits({10, 0, 0});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(meter.take_token(kStart).ok()) << i;
  Status refused = meter.take_token(kStart);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kRateLimited);
  // When it says so, one passes, and not two.
  const std::uint64_t later = kStart + std::uint64_t{refused.error().retry_after_ms()} * 1'000'000;
  EXPECT_LE(refused.error().retry_after_ms(), 101u);
  EXPECT_TRUE(meter.take_token(later).ok());
  EXPECT_FALSE(meter.take_token(later).ok());
}

TEST(TenantMeterTest, AnIdleTenantSavesNoMoreThanASecond) {
  TenantMeter meter;
  meter.set_limits({10, 0, 0});
  int passed = 0;
  while (meter.take_token(kStart + 3600 * kSecondNs).ok()) ++passed;
  EXPECT_EQ(passed, 10);
}

TEST(TenantMeterTest, KeepsTheRateOverALongTime) {
  TenantMeter meter;
  meter.set_limits({1000, 0, 0});
  int passed = 0;
  for (std::uint64_t at = 0; at < 10 * kSecondNs; at += kSecondNs / 5000) passed += meter.take_token(kStart + at).ok();
  EXPECT_NEAR(passed, 11'000, 20);  // ten seconds and the first burst
}

TEST(TenantMeterTest, CountsWhatIsInFlight) {
  TenantMeter meter;
  meter.set_limits({0, 2, 0});
  EXPECT_TRUE(meter.enter().ok());
  EXPECT_TRUE(meter.enter().ok());
  Status refused = meter.enter();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverQuota);
  EXPECT_GT(refused.error().retry_after_ms(), 0u);
  EXPECT_EQ(meter.in_flight(), 2u);
  meter.open_count().fetch_sub(1);
  EXPECT_TRUE(meter.enter().ok());
}

TEST(TenantMeterTest, RefusesWhatAddsWhenTheStorageIsFull) {
  TenantMeter meter;
  meter.set_limits({0, 0, 100});
  meter.add_storage(99);
  EXPECT_TRUE(meter.check_room().ok());
  meter.add_storage(1);
  Status refused = meter.check_room();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverQuota);
  EXPECT_EQ(refused.error().sentence(),
            "the tenant's quota 'storage_bytes' is 100, and 100 are used");
  meter.add_storage(-1);
  EXPECT_TRUE(meter.check_room().ok());
}

TEST(TenantMeterTest, RefusesWhatAddsWhenTheMemoryIsFull) {
  TenantMeter meter;
  meter.set_limits({.memory_bytes = 100});
  EXPECT_TRUE(meter.has_limits());
  meter.add_memory(-5);
  EXPECT_EQ(meter.memory_bytes(), 0u) << "nobody holds less than nothing";
  meter.add_memory(104);
  EXPECT_TRUE(meter.check_room().ok());
  meter.add_memory(51);
  Status refused = meter.check_room();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverQuota);
  EXPECT_EQ(refused.error().sentence(),
            "the tenant's quota 'memory_bytes' is 100, and 150 are used");
  EXPECT_GT(refused.error().retry_after_ms(), 0u);
  meter.set_limits({.memory_bytes = 151});
  EXPECT_TRUE(meter.check_room().ok());
}

TEST(TenantMeterTest, WithoutLimitsNothingIsRefused) {
  TenantMeter meter;
  meter.set_limits({});
  EXPECT_FALSE(meter.has_limits());
  meter.add_storage(1'000'000);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(meter.take_token(kStart).ok());
  EXPECT_TRUE(meter.enter().ok());
  EXPECT_TRUE(meter.check_room().ok());
}

}  // namespace
}  // namespace stator::auth
