// A claim of a later contract is refused where it says something that this kernel does not know.
#include <gtest/gtest.h>

#include "base/byte_buffer.h"
#include "data/host/call_context.h"

namespace stator::host {
namespace {

struct LaterClaim {
  stator_claim known;
  std::uint64_t later;
};

TEST(ClaimTest, WhatIsNotKnownIsRefused) {
  ByteBuffer claims;
  stator_call call;
  call.phase = Phase::kPrepare;
  call.claims = &claims;
  LaterClaim claim{};
  claim.known.struct_size = sizeof claim;
  claim.later = 1;
  EXPECT_EQ(records_service().claim(&call, &claim.known), STATOR_E_UNSUPPORTED);
  claim.later = 0;
  claim.known.flags = 1u << 7;
  EXPECT_EQ(records_service().claim(&call, &claim.known), STATOR_E_UNSUPPORTED);
  EXPECT_EQ(claims.size(), 0u);
}

}  // namespace
}  // namespace stator::host
