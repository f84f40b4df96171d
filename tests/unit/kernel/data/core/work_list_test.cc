// Alarms of engines' background work.
#include "data/core/work_list.h"

#include <gtest/gtest.h>

namespace stator::core {
namespace {

TEST(WorkListTest, ADroppedTenantHasNothingToDo) {
  WorkList work;
  work.set_now(10);
  work.wake(0, TenantId{1}, "a", 0);
  work.wake(0, TenantId{2}, "a", 0);
  work.wake(1, TenantId{1}, "b", 99);
  WorkList::Place begun;
  ASSERT_TRUE(work.take(begun));
  EXPECT_EQ(begun.tenant, TenantId{1});
  work.forget(TenantId{1});
  WorkList::Place place;
  ASSERT_TRUE(work.take(place));
  EXPECT_EQ(place.tenant, TenantId{2});
  work.set_now(1000);
  EXPECT_FALSE(work.take(place));
  EXPECT_TRUE(work.empty());
  work.set_refusal(begun, {ErrorCode::kBusy, "", ""});  // the turn that was under way ends
  EXPECT_TRUE(work.empty());
  EXPECT_EQ(work.refusal(0, TenantId{1}, "a").code, ErrorCode::kOk);
}

}  // namespace
}  // namespace stator::core
