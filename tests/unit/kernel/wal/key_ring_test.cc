#include "wal/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::wal {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kOne(64, '1');
const std::string kTwo(64, 'a');

std::string fault_of(const std::string& text) {
  KeyRing keys;
  Status taken = keys.take(text, "keys");
  EXPECT_TRUE(taken.ok() || taken.error().code() == ErrorCode::kBadRequest);
  EXPECT_EQ(keys.path().empty(), !taken.ok()) << "a file at fault changes nothing";
  return taken.ok() ? "" : taken.error().sentence();
}

TEST(KeyRingTest, ReadsKeysAndWhichIsActive) {
  KeyRing keys;
  ASSERT_TRUE(keys.take("# ours\n\n 1 " + kOne + "\r\n2\t" + kTwo + "\nactive 2", "keys").ok());
  EXPECT_EQ(keys.active(), KeyId{2});
  EXPECT_EQ(keys.find(KeyId{1})->view(), std::string(32, '\x11'));
  EXPECT_EQ(keys.find(KeyId{2})->view(), std::string(32, '\xaa'));
  EXPECT_FALSE(keys.find(KeyId{3}));
  EXPECT_EQ(keys.path(), "keys");
}

TEST(KeyRingTest, RemembersKeysThatALaterFileNoLongerHas) {
  KeyRing keys;
  ASSERT_TRUE(keys.take("active 1\n1 " + kOne + "\n", "keys").ok());
  ASSERT_TRUE(keys.take("active none\n2 " + kTwo + "\n", "keys").ok());
  EXPECT_EQ(keys.active(), std::nullopt);
  EXPECT_TRUE(keys.find(KeyId{1}) && keys.find(KeyId{2}));
}

TEST(KeyRingTest, ANumberKeepsItsKey) {
  KeyRing keys;
  ASSERT_TRUE(keys.take("active 1\n1 " + kOne + "\n", "keys").ok());
  Status taken = keys.take("active 1\n1 " + kTwo + "\n", "keys");
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.error().sentence(), HasSubstr("key 1 is another one than before"));
  EXPECT_EQ(keys.find(KeyId{1})->view(), std::string(32, '\x11'));
}

TEST(KeyRingTest, FaultsNameTheLineAndNeverAKey) {
  EXPECT_EQ(fault_of("active 1\n1 " + kOne + "\n"), "");
  EXPECT_THAT(fault_of("1 " + kOne + "\n"), HasSubstr("no line 'active N'"));
  EXPECT_THAT(fault_of("active 2\n1 " + kOne + "\n"), HasSubstr("the active key 2 is not there"));
  EXPECT_THAT(fault_of("active 1\nactive 1\n1 " + kOne), HasSubstr("keys:2: 'active' is there"));
  EXPECT_THAT(fault_of("active x\n"), HasSubstr("keys:1: 'active' names the number"));
  const std::vector<std::string> no_keys = {
      kOne + "1", kOne.substr(1), "", std::string(63, '1') + "g", std::string(62, '1') + "+1"};
  for (const std::string& bad : no_keys) {
    EXPECT_THAT(fault_of("active 1\n1 " + bad),
                HasSubstr("keys:2: a key is 64 hexadecimal digits"));
  }
  for (const std::string bad : {"0", "-1", "4294967296", "1x", "key"}) {
    EXPECT_THAT(fault_of("active none\n" + bad + " " + kOne), HasSubstr("keys:2: a line begins"));
  }
  const std::string twice = fault_of("active 1\n1 " + kOne + "\n1 " + kTwo);
  EXPECT_THAT(twice, HasSubstr("keys:3: key 1 is there twice"));
  EXPECT_THAT(twice, Not(HasSubstr(kTwo)));
  EXPECT_THAT(fault_of("active 1\n" + kOne), Not(HasSubstr(kOne)));
}

}  // namespace
}  // namespace stator::wal
