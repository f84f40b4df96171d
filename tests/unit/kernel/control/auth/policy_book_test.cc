#include "control/auth/policy_book.h"

#include <gtest/gtest.h>

#include "control/auth/secrets.h"
#include "stator/op.h"

namespace stator::auth {
namespace {

using namespace system;

class PolicyBookTest : public testing::Test {
 protected:
  void put(const User& user) { book_.apply(kRecordPut, write_record(kSpaceUser, user.username, write(user))); }
  void put(const Role& role) {
    book_.apply(kRecordPut, write_record(kSpaceRole, role_key(role.tenant, role.name), write(role)));
  }
  void put(const Tenant& tenant) {
    book_.apply(kRecordPut, write_record(kSpaceTenant, tenant_key(tenant.id), write(tenant)));
  }
  void put(const CollectionEngine& one) {
    book_.apply(kRecordPut, write_record(kSpaceCollectionEngine,
                                         collection_key(one.tenant, one.collection), write(one)));
  }
  void erase(std::uint8_t space, const std::string& key) { book_.apply(kRecordErase, write_record(space, key, {})); }
  std::string put_key(const std::string& username, system::ApiKey rest) {
    const auth::ApiKey made = make_api_key();
    rest.key_id = made.key_id;
    rest.secret_hash = sha256_hex(made.secret);
    rest.username = username;
    book_.apply(kRecordPut, write_record(kSpaceApiKey, rest.key_id, write(rest)));
    return format_token(made);
  }
  Identity identify(const std::string& name) { return book_.identify(name).take(); }

  PolicyBook book_;
};

TEST_F(PolicyBookTest, DeniesByDefault) {
  put(User{"anna", "h", {}, {"clerk"}, 1});
  put(Role{"clerk", 1, {}, {}});
  EXPECT_EQ(identify("anna").rights.in("orders"), 0u);
  put(User{"anna", "h", {}, {"role that nobody made"}, 1});
  EXPECT_EQ(identify("anna").rights.in("orders"), 0u);
  EXPECT_FALSE(book_.identify("bert").ok());
}

TEST_F(PolicyBookTest, GrantsAreInheritedAndAddedUp) {
  put(Role{"base", 1, {}, {{"orders", {"write"}}}});
  put(Role{"clerk", 1, {"base", "readonly"}, {{"bills", {"admin"}}}});
  put(User{"anna", "h", {}, {"clerk"}, 1});
  const Rights rights = identify("anna").rights;
  EXPECT_EQ(rights.in("orders"), std::uint32_t{STATOR_PERM_READ | STATOR_PERM_WRITE});
  EXPECT_EQ(rights.in("bills"), std::uint32_t{STATOR_PERM_READ | STATOR_PERM_CREATE | STATOR_PERM_DROP | STATOR_PERM_ALTER});
  EXPECT_EQ(rights.in("order"), std::uint32_t{STATOR_PERM_READ});
}

TEST_F(PolicyBookTest, ARoleOfAnotherTenantIsNotMeant) {
  put(Tenant{2, "acme", {}});
  put(Role{"clerk", 1, {}, {{"", {"read"}}}});
  put(User{"anna", "h", {}, {"clerk"}, 2});
  EXPECT_EQ(identify("anna").rights.in("orders"), 0u);
}

TEST_F(PolicyBookTest, EndsInACircleOfRoles) {
  put(Role{"a", 1, {"b"}, {{"", {"read"}}}});
  put(Role{"b", 1, {"a"}, {{"", {"write"}}}});
  put(User{"anna", "h", {}, {"a"}, 1});
  EXPECT_EQ(identify("anna").rights.everywhere, std::uint32_t{STATOR_PERM_READ | STATOR_PERM_WRITE});
}

TEST_F(PolicyBookTest, EveryChangeIsANewVersionAndRenewTakesIt) {
  put(User{"anna", "h", {}, {"readwrite"}, 1});
  Identity anna = identify("anna");
  EXPECT_EQ(anna.version, book_.version());
  put(User{"anna", "h", {}, {"readonly"}, 1});
  EXPECT_NE(anna.version, book_.version());
  book_.renew(anna);
  EXPECT_EQ(anna.version, book_.version());
  EXPECT_EQ(anna.rights.everywhere, std::uint32_t{STATOR_PERM_READ});
  erase(kSpaceUser, "anna");
  book_.renew(anna);
  EXPECT_FALSE(anna.is_known);
}

TEST_F(PolicyBookTest, AUserThatMovedToAnotherTenantIsSomebodyElse) {
  put(Tenant{2, "acme", {}});
  put(User{"anna", "h", {}, {"readonly"}, 1});
  Identity anna = identify("anna");
  put(User{"anna", "h", {}, {"readonly"}, 2});
  book_.renew(anna);
  EXPECT_FALSE(anna.is_known);
}

TEST_F(PolicyBookTest, ADroppedTenantHasNoUsers) {
  put(Tenant{2, "acme", {}});
  put(User{"anna", "h", {}, {"readonly"}, 2});
  Identity anna = identify("anna");
  erase(kSpaceTenant, tenant_key(2));
  book_.renew(anna);
  EXPECT_FALSE(anna.is_known);
  EXPECT_FALSE(book_.identify("anna").ok());
}

TEST_F(PolicyBookTest, AKeyMayDoLessThanItsUserAndNeverMore) {
  put(Role{"clerk", 1, {}, {{"orders", {"read", "write"}}, {"bills", {"read"}}}});
  put(User{"anna", "h", {}, {"clerk"}, 1});
  const std::string all = put_key("anna", {});
  const std::string reader = put_key("anna", {"", "", "", {"read"}, {}, 0});
  const std::string one = put_key("anna", {"", "", "", {"read", "write"}, {"bills", "other"}, 0});
  EXPECT_EQ(book_.identify_key(all, 0, 0).take().rights.in("orders"), std::uint32_t{STATOR_PERM_READ | STATOR_PERM_WRITE});
  EXPECT_EQ(book_.identify_key(reader, 0, 0).take().rights.in("orders"), std::uint32_t{STATOR_PERM_READ});
  const Rights narrow = book_.identify_key(one, 0, 0).take().rights;
  EXPECT_EQ(narrow.in("orders"), 0u);
  EXPECT_EQ(narrow.in("bills"), std::uint32_t{STATOR_PERM_READ});
  EXPECT_EQ(narrow.in("other"), 0u);
}

TEST_F(PolicyBookTest, AKeyEndsWhenItsTimeIsOverOrItIsDropped) {
  put(User{"anna", "h", {}, {"readonly"}, 1});
  const std::string token = put_key("anna", {"", "", "", {}, {}, 1000});
  auto identity = book_.identify_key(token, 400, 7'000'000);
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity.value().expires_ns, 7'000'000u + 600'000'000u);
  EXPECT_EQ(book_.identify_key(token, 1000, 0).error().code(), ErrorCode::kAuthExpired);
  erase(kSpaceApiKey, identity.value().key_id);
  book_.renew(identity.value());
  EXPECT_FALSE(identity.value().is_known);
  EXPECT_EQ(book_.identify_key(token, 0, 0).error().code(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(book_.identify_key("nonsense", 0, 0).error().code(), ErrorCode::kUnauthenticated);
}

TEST_F(PolicyBookTest, ALanesCopySaysWhichEngineACollectionBelongsTo) {
  CollectionEngines engines;
  book_.renew(engines);
  EXPECT_EQ(engines.engine_of(TenantId{1}, "c"), "");
  put(CollectionEngine{"c", 1, "graph"});
  put(CollectionEngine{"c", 2, "vector"});
  EXPECT_EQ(engines.engine_of(TenantId{1}, "c"), "") << "a copy";
  book_.renew(engines);
  EXPECT_EQ(engines.engine_of(TenantId{1}, "c"), "graph");
  EXPECT_EQ(engines.engine_of(TenantId{2}, "c"), "vector");
  EXPECT_EQ(engines.engine_of(TenantId{3}, "c"), "");
  EXPECT_EQ(engines.engine_of(TenantId{1}, ""), "");
  EXPECT_EQ(engines.engine_of(TenantId{1}, "cc"), "");
  EXPECT_EQ(engines.engine_of(TenantId{1}, std::string(129, 'c')), "");
  erase(kSpaceCollectionEngine, collection_key(1, "c"));
  book_.renew(engines);
  EXPECT_EQ(engines.engine_of(TenantId{1}, "c"), "");
  book_.forget();
  book_.renew(engines);
  EXPECT_EQ(engines.engine_of(TenantId{2}, "c"), "");
}

TEST_F(PolicyBookTest, AnIdentityKnowsCollectionsWhoseEngineDoesNotServe) {
  book_.set_serving({"graph"});
  put(User{"anna", "h", {}, {"readonly"}, 1});
  put(CollectionEngine{"b", 1, "gone"});
  put(CollectionEngine{"a", 1, "graph"});
  put(CollectionEngine{"c", 2, "gone"});
  Identity anna = identify("anna");
  Identity trusted = anonymous();
  book_.renew(trusted);
  for (const Identity* one : {&anna, &trusted}) {
    EXPECT_EQ(one->absent_in("a"), nullptr);
    ASSERT_NE(one->absent_in("b"), nullptr);
    EXPECT_EQ(*one->absent_in("b"), "gone");
    EXPECT_EQ(one->absent_in("c"), nullptr) << "another tenant's";
  }
  erase(kSpaceCollectionEngine, collection_key(1, "b"));
  book_.renew(anna);
  EXPECT_EQ(anna.absent_in("b"), nullptr);
}

TEST_F(PolicyBookTest, AMeterIsGivenWhereThereAreLimits) {
  put(User{"anna", "h", {}, {"readonly"}, 1});
  EXPECT_EQ(identify("anna").meter, nullptr);
  put(Tenant{1, "default", {5, 0, 0}});
  EXPECT_EQ(identify("anna").meter, &book_.meter(TenantId{1}));
  put(Tenant{1, "default", {}});
  EXPECT_EQ(identify("anna").meter, nullptr);
}

}  // namespace
}  // namespace stator::auth
