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
    lockout.note_failure("anna", "a" + std::to_string(i), kStart);
    EXPECT_TRUE(lockout.check("anna", "b", kStart).ok()) << i;
  }
  lockout.note_failure("anna", "a", kStart);
  Status locked = lockout.check("anna", "b", kStart);
  ASSERT_FALSE(locked.ok());
  EXPECT_EQ(locked.error().code(), ErrorCode::kAccountLocked);
  EXPECT_EQ(locked.error().retry_after_ms(), 1001u);
  EXPECT_TRUE(lockout.check("anna", "b", kStart + kSecondNs).ok());
  EXPECT_TRUE(lockout.check("bert", "b", kStart).ok());
  lockout.note_failure("anna", "a", kStart + kSecondNs);
  EXPECT_EQ(lockout.check("anna", "b", kStart + kSecondNs).error().retry_after_ms(), 2001u);
}

TEST(LockoutTest, TheWaitHasAnEnd) {
  Lockout lockout;
  for (int i = 0; i < 100; ++i) lockout.note_failure("anna", "a", kStart);
  EXPECT_EQ(lockout.check("anna", "b", kStart).error().retry_after_ms(), kLockoutSecondsMax * 1000 + 1);
}

TEST(LockoutTest, AnAddressThatTriesManyUsersWaits) {
  Lockout lockout;
  for (std::uint32_t i = 0; i < kAddressFailuresFree; ++i) {
    EXPECT_TRUE(lockout.check("new", "a", kStart).ok()) << i;
    lockout.note_failure("user" + std::to_string(i), "a", kStart);
  }
  EXPECT_FALSE(lockout.check("new", "a", kStart).ok());
  EXPECT_TRUE(lockout.check("new", "b", kStart).ok());
}

TEST(LockoutTest, SuccessFreesTheUserAndNotTheAddress) {
  Lockout lockout;
  for (int i = 0; i < 100; ++i) lockout.note_failure("anna", "a", kStart);
  lockout.note_success("anna");
  EXPECT_TRUE(lockout.check("anna", "b", kStart).ok());
  EXPECT_FALSE(lockout.check("anna", "a", kStart).ok());
}

TEST(LockoutTest, OldFailuresAreForgotten) {
  Lockout lockout;
  for (int i = 0; i < 100; ++i) lockout.note_failure("anna", "a", kStart);
  lockout.note_failure("anna", "a", kStart + 7200 * kSecondNs);
  EXPECT_TRUE(lockout.check("anna", "a", kStart + 7200 * kSecondNs).ok());
}

TEST(LockoutTest, KeepsABoundedNumberOfNames) {
  Lockout lockout;
  for (int i = 0; i < 100; ++i) lockout.note_failure("anna", "a", kStart);
  for (int i = 0; i < 6'000; ++i) lockout.note_failure("x" + std::to_string(i), "b", kStart + 1);
  // The oldest went first; whoever can make so many failures has another address limit to pass.
  EXPECT_TRUE(lockout.check("anna", "c", kStart + 2).ok());
  EXPECT_FALSE(lockout.check("x", "b", kStart + 2).ok());
}

}  // namespace
}  // namespace stator::auth
