#include "system/stored_form.h"

#include <gtest/gtest.h>

#include "stator/op.h"

namespace stator::system {
namespace {

TEST(StoredFormTest, WhatIsWrittenIsRead) {
  const User user{"an\"na", "$argon2id$x", {4096, "c2FsdA==", "c3Q=", "c2U="}, {"a", "b"}, 7};
  const User read = read_user(write(user));
  EXPECT_EQ(read.username, user.username);
  EXPECT_EQ(read.password_hash, user.password_hash);
  EXPECT_EQ(read.scram.iterations, 4096u);
  EXPECT_EQ(read.scram.server_key, "c2U=");
  EXPECT_EQ(read.roles, user.roles);
  EXPECT_EQ(read.tenant, 7u);

  const Role role = read_role(write(Role{"r", 3, {"p"}, {{"", {"read"}}, {"orders", {"write", "admin"}}}}));
  EXPECT_EQ(role.inherits, std::vector<std::string>{"p"});
  ASSERT_EQ(role.grants.size(), 2u);
  EXPECT_EQ(role.grants[0].collection, "");
  EXPECT_EQ(role.grants[1].classes, (std::vector<std::string>{"write", "admin"}));

  const ApiKey key = read_api_key(write(ApiKey{"id", "hash", "anna", {"read"}, {"c"}, 99}));
  EXPECT_EQ(key.classes, std::vector<std::string>{"read"});
  EXPECT_EQ(key.expires_ms, 99u);

  const Tenant tenant = read_tenant(write(Tenant{4, "acme", {1, 2, 3}}));
  EXPECT_EQ(tenant.name, "acme");
  EXPECT_EQ(tenant.limits.storage_bytes, 3u);
}

TEST(StoredFormTest, AUserWithoutScramHasNone) {
  EXPECT_EQ(read_user(write(User{"anna", "h", {}, {"readonly"}, 1})).scram.iterations, 0u);
}

TEST(StoredFormTest, RecordsComeApartAndMalformedOnesDoNot) {
  const std::string record = write_record(kSpaceRole, "key", "value");
  const auto change = read_record(kRecordPut, record);  // borrows from it
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->space, kSpaceRole);
  EXPECT_EQ(change->key, "key");
  EXPECT_EQ(change->value, "value");
  EXPECT_FALSE(read_record(kRecordPut, "").has_value());
  EXPECT_FALSE(read_record(kRecordPut, std::string_view("\x01\x05" "abc", 5)).has_value());
  EXPECT_FALSE(read_record(9, write_record(1, "k", "v")).has_value());
}

TEST(StoredFormTest, ServerIsTheSuperusersAlone) {
  for (const char* role : {"tenant_admin", "readwrite", "readonly", "monitor"}) {
    EXPECT_EQ(*permissions_of_builtin(role) & STATOR_PERM_SERVER, 0u) << role;
  }
  EXPECT_NE(*permissions_of_builtin(kSuperuser) & STATOR_PERM_SERVER, 0u);
  for (const char* name : kClasses) {
    EXPECT_EQ(permissions_of_class(name) & (STATOR_PERM_ADMIN | STATOR_PERM_SERVER | STATOR_PERM_MONITOR), 0u) << name;
    EXPECT_NE(permissions_of_class(name), 0u);
  }
  EXPECT_EQ(permissions_of_class("everything"), 0u);
  EXPECT_FALSE(permissions_of_builtin("clerk").has_value());
}

}  // namespace
}  // namespace stator::system
