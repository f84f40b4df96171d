#include "control/auth/row_policies.h"

#include <gtest/gtest.h>

#include "stator/filter/matches.hpp"
#include "stator/packed/encode.hpp"

#include "base/limits.h"
#include "control/auth/policy_book.h"
#include "control/auth/secrets.h"

namespace stator::auth {
namespace {

using namespace system;

bool holds(const std::string& program, std::string_view row) {
  std::string packed;
  EXPECT_TRUE(packed::Encoder().encode(row, packed));
  return filter::matches(program, packed::read_value(packed));
}

RowPolicy policy(std::string_view name, std::string_view mode, std::string_view action,
                 std::string_view where, std::vector<std::string> roles = {}) {
  return {std::string(name), "orders",          1, std::string(mode), std::string(action),
          std::move(roles),  std::string(where)};
}

class RowPoliciesTest : public testing::Test {
 protected:
  RowRules compile(const std::vector<RowPolicy>& policies,
                   const std::set<std::string>& roles = {}) {
    std::vector<const RowPolicy*> all;
    for (const RowPolicy& one : policies) all.push_back(&one);
    return compile_row_rules(all, {"anna", 1, roles});
  }
};

TEST_F(RowPoliciesTest, OneOfThePermissiveAndAllOfTheRestrictiveMustHold) {
  const RowRules rules =
      compile({policy("own", "permissive", "all", R"({"owner":"$auth.username"})"),
               policy("open", "permissive", "all", R"({"open":true})"),
               policy("eu", "restrictive", "all", R"({"region":"eu"})"),
               policy("new", "restrictive", "all", R"({"year":{"gt":2000}})")});
  for (const std::string& program : {rules.visible, rules.writable}) {
    EXPECT_TRUE(holds(program, R"({"owner":"anna","region":"eu","year":2001})"));
    EXPECT_TRUE(holds(program, R"({"owner":"bert","open":true,"region":"eu","year":2001})"));
    EXPECT_FALSE(holds(program, R"({"owner":"bert","region":"eu","year":2001})"));
    EXPECT_FALSE(holds(program, R"({"owner":"anna","region":"us","year":2001})"));
    EXPECT_FALSE(holds(program, R"({"owner":"anna","open":true,"region":"eu","year":2000})"));
  }
}

TEST_F(RowPoliciesTest, WithoutAPermissiveOneNothingIsThere) {
  for (const RowRules& rules : {compile({}), compile({policy("eu", "restrictive", "all", "{}")})}) {
    EXPECT_FALSE(holds(rules.visible, "{}"));
    EXPECT_FALSE(holds(rules.writable, "{}"));
  }
}

TEST_F(RowPoliciesTest, ReadsAndWritesAreRuledApart) {
  const RowRules rules = compile({policy("all", "permissive", "read", "{}"),
                                  policy("own", "permissive", "write", R"({"mine":1})"),
                                  policy("eu", "restrictive", "write", R"({"eu":1})")});
  EXPECT_TRUE(holds(rules.visible, "{}"));
  EXPECT_FALSE(holds(rules.writable, R"({"mine":1})"));
  EXPECT_TRUE(holds(rules.writable, R"({"mine":1,"eu":1})"));
  EXPECT_EQ(rules.names, "'own', 'eu'");
}

TEST_F(RowPoliciesTest, APolicyIsAboutItsRoles) {
  const std::vector<RowPolicy> policies = {
      policy("clerks", "permissive", "all", "{}", {"clerk", "boss"}),
      policy("guests", "restrictive", "all", R"({"open":1})", {"guest"})};
  EXPECT_TRUE(holds(compile(policies, {"clerk"}).visible, "{}"));
  EXPECT_FALSE(holds(compile(policies, {"other"}).visible, "{}"));
  EXPECT_FALSE(holds(compile(policies, {"boss", "guest"}).visible, "{}"));
  EXPECT_TRUE(holds(compile(policies, {"boss", "guest"}).visible, R"({"open":1})"));
}

// The other policy would let the row through: what cannot be read is not left out.
TEST_F(RowPoliciesTest, WhatCannotBeReadOrCompiledDeniesAll) {
  const RowPolicy open = policy("open", "permissive", "all", "{}");
  for (const RowPolicy& bad :
       {policy("bad", "permissive", "all", "{"),
        policy("bad", "restrictive", "all", R"({"a":{"x":1}})"),
        policy("bad", "permissive", "all", ""), policy("bad", "both", "all", "{}"),
        policy("bad", "permissive", "some", "{}"), RowPolicy{}, read_row_policy("not json"),
        read_row_policy("{}")}) {
    const RowRules rules = compile({open, bad});
    EXPECT_FALSE(holds(rules.visible, "{}")) << bad.where;
    EXPECT_FALSE(holds(rules.writable, "{}")) << bad.where;
  }
}

TEST_F(RowPoliciesTest, WhatWouldBeTooLargeToCarryDeniesAll) {
  std::set<std::string> roles;
  for (int i = 0; i < 256; ++i) roles.insert(std::string(60, 'r') + std::to_string(i));
  const std::string where =
      R"({"or":[{"open":1},{"a":{"in":"$auth.roles"}},{"b":{"in":"$auth.roles"}}]})";
  const RowPolicy one = policy("teams", "permissive", "all", where);
  EXPECT_TRUE(holds(compile({one}, roles).visible, R"({"open":1})"));
  EXPECT_GT(compile({one}, roles).visible.size(), kRowProgramBytesMax / 2);
  EXPECT_FALSE(holds(compile({one, one}, roles).visible, R"({"open":1})"));
  EXPECT_TRUE(holds(compile({one, one}, {"few"}).visible, R"({"open":1})"));
}

// ---- the book -----------------------------------------------------------------------------------

class RowPolicyBookTest : public testing::Test {
 protected:
  void put(const User& user) {
    book_.apply(kRecordPut, write_record(kSpaceUser, user.username, write(user)));
  }
  void put(const Role& role) {
    book_.apply(kRecordPut,
                write_record(kSpaceRole, role_key(role.tenant, role.name), write(role)));
  }
  void put(const RowPolicy& policy) {
    const std::string key = row_policy_key(policy.tenant, policy.collection, policy.name);
    book_.apply(kRecordPut, write_record(kSpaceRowPolicy, key, write(policy)));
  }
  void drop(const RowPolicy& policy) {
    const std::string key = row_policy_key(policy.tenant, policy.collection, policy.name);
    book_.apply(kRecordErase, write_record(kSpaceRowPolicy, key, {}));
  }
  Identity identify(const std::string& name) { return book_.identify(name).take(); }

  PolicyBook book_;
  const RowPolicy own_ = policy("own", "permissive", "all", R"({"owner":"$auth.username"})");
};

TEST_F(RowPolicyBookTest, BindsInTheCollectionsThatHavePolicies) {
  put(User{"anna", "h", {}, {"readwrite"}, 1});
  put(own_);
  RowPolicy of_bills = own_;
  of_bills.collection = "bills";
  put(of_bills);
  const Identity anna = identify("anna");
  ASSERT_EQ(anna.rows.size(), 2u);
  ASSERT_NE(anna.rows_in("orders"), nullptr);
  EXPECT_NE(anna.rows_in("bills"), nullptr);
  EXPECT_EQ(anna.rows_in("order"), nullptr);
  EXPECT_EQ(anna.rows_in("orders2"), nullptr);
  EXPECT_TRUE(holds(anna.rows_in("orders")->visible, R"({"owner":"anna"})"));
  EXPECT_FALSE(holds(anna.rows_in("orders")->visible, R"({"owner":"bert"})"));
}

TEST_F(RowPolicyBookTest, EverybodyIsBoundButWhoAdministers) {
  put(own_);
  put(Role{"boss", 1, {"tenant_admin"}, {}});
  put(Role{"clerk", 1, {}, {{"orders", {"read", "write", "admin"}}}});
  for (const char* role : {"superuser", "tenant_admin", "boss"}) {
    put(User{"anna", "h", {}, {role}, 1});
    EXPECT_TRUE(identify("anna").rows.empty()) << role;
  }
  for (const char* role : {"readwrite", "readonly", "monitor", "clerk", "nobody made it"}) {
    put(User{"anna", "h", {}, {role}, 1});
    EXPECT_EQ(identify("anna").rows.size(), 1u) << role;
  }
}

TEST_F(RowPolicyBookTest, AnotherTenantsPoliciesAreNotMeant) {
  put(User{"anna", "h", {}, {"readwrite"}, 1});
  RowPolicy other = own_;
  other.tenant = 2;
  put(other);
  EXPECT_TRUE(identify("anna").rows.empty());
}

TEST_F(RowPolicyBookTest, AChangeIsInForceWhenTheIdentityIsRenewed) {
  put(User{"anna", "h", {}, {"readwrite"}, 1});
  Identity anna = identify("anna");
  put(own_);
  EXPECT_NE(anna.version, book_.version());
  book_.renew(anna);
  EXPECT_EQ(anna.rows.size(), 1u);
  drop(own_);
  book_.renew(anna);
  EXPECT_TRUE(anna.rows.empty());
  put(own_);
  book_.forget();
  put(User{"anna", "h", {}, {"readwrite"}, 1});
  book_.renew(anna);
  EXPECT_TRUE(anna.rows.empty());
}

TEST_F(RowPolicyBookTest, InheritedRolesCount) {
  put(Role{"base", 1, {"readonly"}, {}});
  put(Role{"clerk", 1, {"base"}, {}});
  put(User{"anna", "h", {}, {"clerk"}, 1});
  put(policy("p", "permissive", "all", R"({"team":{"in":"$auth.roles"}})", {"base"}));
  const Identity anna = identify("anna");
  for (const char* team : {"clerk", "base", "readonly"}) {
    EXPECT_TRUE(holds(anna.rows_in("orders")->visible, std::string(R"({"team":")") + team + "\"}"))
        << team;
  }
  EXPECT_FALSE(holds(anna.rows_in("orders")->visible, R"({"team":"readwrite"})"));
}

// A key is cut down from what its user may do.
TEST_F(RowPolicyBookTest, AKeyIsBoundAsItsUserIs) {
  put(own_);
  const auto identify_key = [&](const char* role) {
    put(User{"anna", "h", {}, {role}, 1});
    const auth::ApiKey made = make_api_key();
    const system::ApiKey key{made.key_id, sha256_hex(made.secret), "anna", {"read"}, {"orders"}, 0};
    book_.apply(kRecordPut, write_record(kSpaceApiKey, key.key_id, write(key)));
    return book_.identify_key(format_token(made), 0, 0).take();
  };
  EXPECT_TRUE(identify_key("tenant_admin").rows.empty());
  EXPECT_EQ(identify_key("readwrite").rows.size(), 1u);
}

TEST_F(RowPolicyBookTest, APolicyThatIsNotReadableDeniesItsCollection) {
  put(User{"anna", "h", {}, {"readwrite"}, 1});
  put(policy("open", "permissive", "all", "{}"));
  book_.load(kSpaceRowPolicy, row_policy_key(1, "orders", "broken"), "garbage");
  const Identity anna = identify("anna");
  ASSERT_NE(anna.rows_in("orders"), nullptr);
  EXPECT_FALSE(holds(anna.rows_in("orders")->visible, "{}"));
}

TEST_F(RowPolicyBookTest, AKeyThatNamesNoCollectionIsPassedOver) {
  put(User{"anna", "h", {}, {"readwrite"}, 1});
  put(own_);
  book_.load(kSpaceRowPolicy, tenant_key(1), "{}");
  book_.load(kSpaceRowPolicy, tenant_key(1) + "zz", "{}");
  EXPECT_NE(identify("anna").rows_in("orders"), nullptr);
  EXPECT_EQ(identify("anna").rows_in("zz"), nullptr);
}

}  // namespace
}  // namespace stator::auth
