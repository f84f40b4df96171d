#include "control/gate/gate.h"

#include <optional>
#include <span>

#include <gtest/gtest.h>

#include "stator/declare.hpp"
#include "stator/engine.h"

#include "control/gate/arg_quota.h"
#include "control/gate/repeat_key.h"
#include "control/ops/arg_set.h"
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

// ---- quotas of single requests ------------------------------------------------------------------

constexpr stator_arg kRowFields[] = {
    make_arg(STATOR_ARG_STR, "name", "", {}),
    make_arg(STATOR_ARG_F32VEC, "place", "", {}),
};
constexpr stator_arg kWalkArgs[] = {
    make_arg(STATOR_ARG_U64, "far", "", {.flags = STATOR_ARG_DEPTH, .default_json = "2"}),
    make_arg(STATOR_ARG_U64, "many", "", {}),
    make_arg(STATOR_ARG_F32VEC, "near", "", {}),
    make_rows("rows", "", kRowFields, {}),
};
constexpr stator_op kWalk = make_op({.op_class = STATOR_OP_READ,
                                     .permission = STATOR_PERM_READ,
                                     .placement = STATOR_PLACE_ANY,
                                     .name = "walk",
                                     .doc = "",
                                     .result = "",
                                     .example = "{}",
                                     .args = kWalkArgs});

// What the quotas say to a request with these arguments; empty: nothing.
std::string quotas_on(const system::Limits& limits, std::string_view arguments) {
  auth::TenantMeter meter;
  meter.set_limits(limits);
  const auto args = ops::ArgSet::compile(kWalkArgs, std::size(kWalkArgs)).take();
  bridge::Task task;
  json::Reader reader(arguments);
  EXPECT_TRUE(args.bind_object(task.args, reader, true, ops::FieldPath("")).ok());
  Status checked = check_arg_quotas(meter, kWalk, task);
  if (checked.ok()) return "";
  EXPECT_EQ(checked.error().code(), ErrorCode::kOverQuota);
  return checked.error().field() + ": " + checked.error().sentence();
}

TEST(ArgQuotaTest, LimitsTheDepthOfWalksAlsoOneNotGiven) {
  EXPECT_EQ(quotas_on({.walk_depth = 3}, R"({"far":3,"many":1000})"), "");
  EXPECT_EQ(quotas_on({.walk_depth = 3}, R"({"far":4})"),
            "far: 'far' has 4 steps; the tenant's quota 'walk_depth' is 3");
  EXPECT_EQ(quotas_on({.walk_depth = 1}, "{}"),
            "far: 'far' has 2 steps; the tenant's quota 'walk_depth' is 1");
  EXPECT_EQ(quotas_on({.vector_dims = 1}, R"({"far":4})"), "");
}

TEST(ArgQuotaTest, LimitsVectorsAlsoThoseOfRows) {
  EXPECT_EQ(quotas_on({.vector_dims = 2}, R"({"near":[1,2]})"), "");
  EXPECT_EQ(quotas_on({.vector_dims = 2}, R"({"near":[1,2,3]})"),
            "near: 'near' has 3 dimensions; the tenant's quota 'vector_dims' is 2");
  EXPECT_EQ(
      quotas_on({.vector_dims = 2}, R"({"rows":[{"place":[1]},{"name":"a"},{"place":[1,2,3]}]})"),
      "rows[2].place: 'rows[2].place' has 3 dimensions; the tenant's quota 'vector_dims' is 2");
  EXPECT_EQ(quotas_on({.walk_depth = 2}, R"({"near":[1,2,3]})"), "");
}

TEST(ArgQuotaTest, TheRowSaysWhichArgumentsTheseAre) {
  EXPECT_STREQ(quota_of(kWalkArgs[0]), "walk_depth");
  EXPECT_EQ(quota_of(kWalkArgs[1]), nullptr);
  EXPECT_STREQ(quota_of(kWalkArgs[2]), "vector_dims");
}

// ---- row policies -------------------------------------------------------------------------------

constexpr stator_op row(const char* name, std::uint32_t flags,
                        std::uint32_t op_class = STATOR_OP_READ) {
  return make_op({.op_class = op_class,
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
constexpr stator_op kWrites = row("write_rows", STATOR_OP_ROWS_CHECKED, STATOR_OP_WRITE);
constexpr stator_op kWritesToo = row("write_others", STATOR_OP_ROWS_CHECKED, STATOR_OP_WRITE);

const stator_engine_v1* engine(const stator_kernel_hello*) {
  static const stator_op* const kOps[] = {&kPlain, &kAsks, &kWrites, &kWritesToo};
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
    anna_.rights.add("", STATOR_PERM_READ);  // the permission of all its ops
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
  const auto key_of = [this](const char* name) {
    anna_.username = name;
    EXPECT_TRUE(admit("write_rows", "letters").ok());  // kept answers are not of one collection
    return task_.idempotency_key;
  };
  const std::string annas = key_of("anna");
  EXPECT_NE(key_of("ann"), annas);
  EXPECT_EQ(key_of("anna"), annas);
  anna_.rows.clear();
  EXPECT_NE(key_of("anna"), annas);
  EXPECT_EQ(key_of("ann"), key_of("anna"));
}

TEST_F(GateRowsTest, AnIdempotencyKeyIsOfTheOpAndOfWhatItIsAbout) {
  const auto key_of = [this](const char* op, const char* collection) {
    EXPECT_TRUE(admit(op, collection).ok());
    return task_.idempotency_key;
  };
  const std::string first = key_of("write_rows", "a");
  EXPECT_TRUE(first.ends_with("\"key"));
  EXPECT_EQ(key_of("write_rows", "a"), first);
  EXPECT_NE(key_of("write_rows", "b"), first);
  EXPECT_NE(key_of("write_others", "a"), first);
  EXPECT_EQ(key_of("look_at_rows", "a"), "") << "a read is its own repeat";
}

std::uint64_t hash_with(std::span<const stator_arg> args, const std::string& request) {
  const ops::OpEntry entry{&kWrites, nullptr, 0,
                           ops::ArgSet::compile(args.data(), args.size()).take(), 0};
  bridge::Task task;
  task.collection = "a";
  json::Reader reader(request);
  EXPECT_TRUE(entry.args.bind_object(task.args, reader, true, ops::FieldPath("request")).ok());
  return hash_of_request(entry, task);
}

// A client repeats what an earlier version of the server was asked.
TEST(RepeatKeyTest, ArgumentsThatALaterVersionBringsDoNotMakeItAnotherRequest) {
  static constexpr stator_arg kNow[] = {
      make_arg(STATOR_ARG_STR, "name", "", {}),
      make_arg(STATOR_ARG_I64, "limit", "", {.default_json = "3"})};
  static constexpr stator_arg kLater[] = {
      make_arg(STATOR_ARG_BOOL, "wait", "", {.default_json = "true"}), kNow[0],
      make_arg(STATOR_ARG_I64, "limit", "", {.default_json = "4"}),
      make_arg(STATOR_ARG_STR, "note", "", {})};
  const std::uint64_t first = hash_with(kNow, R"({"name":"x"})");
  EXPECT_EQ(hash_with(kLater, R"({"name":"x"})"), first);
  EXPECT_NE(hash_with(kLater, R"({"name":"y"})"), first);
  EXPECT_NE(hash_with(kLater, R"({"note":"x"})"), first);
  EXPECT_NE(hash_with(kLater, R"({"name":"x","wait":true})"), first);
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
