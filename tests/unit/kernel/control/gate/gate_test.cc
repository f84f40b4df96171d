#include "control/gate/gate.h"

#include <optional>

#include <gtest/gtest.h>

#include "stator/declare.hpp"
#include "stator/engine.h"

#include "support/played_engine.h"

namespace stator::gate {
namespace {

constexpr stator_op kRead = make_op({.op_class = STATOR_OP_READ,
                                     .permission = STATOR_PERM_READ,
                                     .placement = STATOR_PLACE_ANY,
                                     .name = "look",
                                     .doc = "",
                                     .result = "",
                                     .example = "{}"});

TEST(GateTest, SaysWhatIsMissingAndWhatIsThere) {
  auth::Identity identity;
  identity.is_known = true;
  identity.username = "anna";
  identity.roles = {"a", "b"};
  identity.key_id = "k1";
  identity.rights.add("", STATOR_PERM_MONITOR);
  Status refused = admit_kernel_op(identity, kRead, {}, 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kRejectedAuthz);
  EXPECT_EQ(refused.error().sentence(), "look needs read; roles 'a', 'b' with API key 'k1' grant monitor");
  identity.roles.clear();
  identity.key_id.clear();
  identity.rights = {};
  EXPECT_EQ(admit_kernel_op(identity, kRead, {}, 0).error().sentence(), "look needs read; no roles grant nothing");
  identity.rights.add("", STATOR_PERM_READ);
  EXPECT_TRUE(admit_kernel_op(identity, kRead, {}, 0).ok());
}

TEST(GateTest, TellsWhyAnIdentityIsNoLongerKnown) {
  auth::Identity identity;
  EXPECT_EQ(admit_kernel_op(identity, kRead, {}, 0).error().sentence(), "not authenticated");
  identity.username = "anna";
  EXPECT_EQ(admit_kernel_op(identity, kRead, {}, 0).error().code(), ErrorCode::kUnauthenticated);
  identity.expires_ns = 5;
  EXPECT_EQ(admit_kernel_op(identity, kRead, {}, 5).error().code(), ErrorCode::kAuthExpired);
}

// ---- row policies -------------------------------------------------------------------------------

constexpr stator_op row(const char* name, std::uint32_t flags) {
  return make_op({.op_class = STATOR_OP_READ,
                  .permission = STATOR_PERM_READ,
                  .placement = STATOR_PLACE_ANY,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .flags = flags});
}
constexpr stator_op kPlain = row("look_at_all", 0);
constexpr stator_op kAsks = row("look_at_rows", STATOR_OP_ROWS_CHECKED);

const stator_engine_v1* engine(const stator_kernel_hello*) {
  static const stator_op* const kOps[] = {&kPlain, &kAsks};
  static const stator_engine_v1 kEngine = test::played_engine("e", kOps);
  return &kEngine;
}

class GateRowsTest : public testing::Test {
 protected:
  void SetUp() override {
    static constexpr stator_kernel_hello kHello{};
    ASSERT_TRUE(catalog_.add(&engine, kHello, test::library_of("e")).ok());
    catalog_.seal();
    table_.emplace(ops::OpTable::build(catalog_, {}).take());
    anna_.is_known = true;
    anna_.username = "anna";
    anna_.tenant = TenantId{1};
    anna_.rights.add("", STATOR_PERM_READ);
    anna_.rows = {{"bills", {"v1", "w1", "'b'"}}, {"orders", {"v2", "w2", "'o'"}}};
  }
  Status admit(const char* op, const char* collection) {
    task_.reset();
    task_.collection = collection;
    task_.idempotency_key = "\"key";
    return gate::admit(anna_, *table_->find(op), catalog_, 0, task_);
  }

  plugin::Catalog catalog_;
  std::optional<ops::OpTable> table_;
  auth::Identity anna_;
  bridge::Task task_;
};

TEST_F(GateRowsTest, AnOpThatAsksTakesTheCollectionsRulesWithIt) {
  ASSERT_TRUE(admit("look_at_rows", "orders").ok());
  ASSERT_NE(task_.rows, nullptr);
  EXPECT_EQ(task_.rows->visible, "v2");
  EXPECT_EQ(task_.rows->writable, "w2");
  // They are its own: the identity may be compiled anew, or go, while the task is on its way.
  anna_.rows.clear();
  EXPECT_EQ(task_.rows->names, "'o'");
  ASSERT_TRUE(admit("look_at_rows", "orders").ok());
  EXPECT_EQ(task_.rows, nullptr);
}

TEST_F(GateRowsTest, AnOpThatDoesNotAskIsRefusedWherePoliciesBind) {
  Status refused = admit("look_at_all", "orders");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kRejectedAuthz);
  EXPECT_TRUE(admit("look_at_all", "letters").ok());
  EXPECT_EQ(task_.rows, nullptr);
  anna_.rows.clear();
  EXPECT_TRUE(admit("look_at_all", "orders").ok());
}

TEST_F(GateRowsTest, ChangesAreForWhoSeesEveryRowOfThem) {
  const auto admits = [&](const char* collection) {
    return admit_changes(anna_, kRead, collection, 0).ok();
  };
  EXPECT_FALSE(admits("orders"));
  EXPECT_TRUE(admits("letters"));
  EXPECT_FALSE(admits(""));
  anna_.rows.clear();
  EXPECT_TRUE(admits("orders"));
  EXPECT_TRUE(admits(""));
  anna_.rights = {};
  EXPECT_FALSE(admits("letters"));
}

TEST_F(GateRowsTest, WhomPoliciesBindFindsTheAnswersToItsOwnRequestsOnly) {
  ASSERT_TRUE(admit("look_at_rows", "letters").ok());  // kept answers are not of one collection
  const std::string annas = task_.idempotency_key;
  EXPECT_NE(annas, "\"key");
  anna_.username = "ann";
  ASSERT_TRUE(admit("look_at_rows", "letters").ok());
  EXPECT_NE(task_.idempotency_key, annas);
  anna_.rows.clear();
  ASSERT_TRUE(admit("look_at_rows", "letters").ok());
  EXPECT_EQ(task_.idempotency_key, "\"key");
}

TEST(GateTest, EveryPermissionHasAName) {
  EXPECT_STREQ(permission_name(0), "none");
  for (std::uint32_t bit = STATOR_PERM_READ; bit <= STATOR_PERM_SERVER; bit <<= 1) {
    EXPECT_STRNE(permission_name(bit), nullptr);
  }
  EXPECT_STREQ(permission_name(STATOR_PERM_SERVER), "server");
}

}  // namespace
}  // namespace stator::gate
