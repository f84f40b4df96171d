#include "control/gate/gate.h"

#include <gtest/gtest.h>

#include "stator/declare.hpp"

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

TEST(GateTest, EveryPermissionHasAName) {
  EXPECT_STREQ(permission_name(0), "none");
  for (std::uint32_t bit = STATOR_PERM_READ; bit <= STATOR_PERM_SERVER; bit <<= 1) {
    EXPECT_STRNE(permission_name(bit), nullptr);
  }
  EXPECT_STREQ(permission_name(STATOR_PERM_SERVER), "server");
}

}  // namespace
}  // namespace stator::gate
