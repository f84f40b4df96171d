#include "control/auth/lockout.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace stator::auth {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kStart = 10'000 * kSecondNs;

TEST(LockoutTest, AUserWaitsAfterTooManyFailuresAndTwiceAsLongEachTime) {
  Lockout lockout;
  for (std::uint32_t i = 1; i < kUserFailuresFree; ++i) {
    lockout.note_failure("anna", true, "a" + std::to_string(i), kStart);
    EXPECT_TRUE(lockout.check("anna", "b", kStart).ok()) << i;
  }
  lockout.note_failure("anna", true, "a", kStart);
  Status locked = lockout.check("anna", "b", kStart);
  ASSERT_FALSE(locked.ok());
  EXPECT_EQ(locked.error().code(), ErrorCode::kAccountLocked);
  EXPECT_EQ(locked.error().retry_after_ms(), 1001u);
  EXPECT_TRUE(lockout.check("anna", "b", kStart + kSecondNs).ok());
  EXPECT_TRUE(lockout.check("bert", "b", kStart).ok());
  lockout.note_failure("anna", true, "a", kStart + kSecondNs);
  EXPECT_EQ(lockout.check("anna", "b", kStart + kSecondNs).error().retry_after_ms(), 2001u);
}

TEST(LockoutTest, TheWaitHasAnEnd) {
  Lockout lockout;
  for (int i = 0; i < 100; ++i) lockout.note_failure("anna", true, "a", kStart);
  EXPECT_EQ(lockout.check("anna", "b", kStart).error().retry_after_ms(), kLockoutSecondsMax * 1000 + 1);
}

TEST(LockoutTest, AnAddressThatTriesManyUsersWaits) {
  Lockout lockout;
  for (std::uint32_t i = 0; i < kAddressFailuresFree; ++i) {
    EXPECT_TRUE(lockout.check("new", "a", kStart).ok()) << i;
    lockout.note_failure("user" + std::to_string(i), true, "a", kStart);
  }
  EXPECT_FALSE(lockout.check("new", "a", kStart).ok());
  EXPECT_TRUE(lockout.check("new", "b", kStart).ok());
}

TEST(LockoutTest, SuccessFreesTheUserAndNotTheAddress) {
  Lockout lockout;
  for (int i = 0; i < 100; ++i) lockout.note_failure("anna", true, "a", kStart);
  lockout.note_success("anna");
  EXPECT_TRUE(lockout.check("anna", "b", kStart).ok());
  EXPECT_FALSE(lockout.check("anna", "a", kStart).ok());
}

TEST(LockoutTest, OldFailuresAreForgotten) {
  Lockout lockout;
  for (int i = 0; i < 100; ++i) lockout.note_failure("anna", true, "a", kStart);
  lockout.note_failure("anna", true, "a", kStart + 7200 * kSecondNs);
  EXPECT_TRUE(lockout.check("anna", "a", kStart + 7200 * kSecondNs).ok());
}

// Not one that is locked, and not one of which the next guess would be counted as the first.
TEST(LockoutTest, WhoMakesUpNamesDoesNotGetAUsersFailuresForgotten) {
  Lockout lockout;
  for (std::uint32_t i = 0; i < kUserFailuresFree; ++i) {
    EXPECT_TRUE(lockout.check("anna", "c", kStart).ok()) << i;
    lockout.note_failure("anna", true, "a", kStart);
    for (int k = 0; k < 5'000; ++k)
      lockout.note_failure("x" + std::to_string(k), false, "b", kStart + 1);
  }
  EXPECT_FALSE(lockout.check("anna", "c", kStart).ok());
}

TEST(LockoutTest, ANameThatNobodyHasIsLockedAsAUserIs) {
  Lockout lockout;
  for (std::uint32_t i = 0; i < kUserFailuresFree; ++i) {
    EXPECT_TRUE(lockout.check("ghost", "c", kStart).ok()) << i;
    lockout.note_failure("ghost", false, "a", kStart);
  }
  EXPECT_FALSE(lockout.check("ghost", "c", kStart).ok());
  for (int i = 0; i < 5'000; ++i)
    lockout.note_failure("x" + std::to_string(i), false, "b", kStart + 1);
  EXPECT_TRUE(lockout.check("ghost", "c", kStart).ok()) << "their number is bounded";
}

TEST(LockoutTest, AnIpv6NetworkIsOneAddress) {
  Lockout lockout;
  for (std::uint32_t i = 0; i < kAddressFailuresFree; ++i) {
    lockout.note_failure({}, true, "2001:db8:1:2::" + std::to_string(i), kStart);
    lockout.note_failure({}, true, "::ffff:192.0.2." + std::to_string(i), kStart);
  }
  EXPECT_FALSE(lockout.check({}, "2001:db8:1:2:ffff::1", kStart).ok());
  EXPECT_TRUE(lockout.check({}, "2001:db8:1:3::1", kStart).ok());
  EXPECT_TRUE(lockout.check({}, "::ffff:192.0.2.1", kStart).ok());
  lockout.note_failure({}, true, "192.0.2.9", kStart);
  for (std::uint32_t i = 2; i < kAddressFailuresFree; ++i)
    lockout.note_failure({}, true, "192.0.2.9", kStart);
  EXPECT_FALSE(lockout.check({}, "::ffff:192.0.2.9", kStart).ok()) << "the same, in the other form";
}

}  // namespace
}  // namespace stator::auth
