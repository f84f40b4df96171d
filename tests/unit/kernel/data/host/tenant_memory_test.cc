#include "data/host/tenant_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stator::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

std::vector<std::pair<std::uint32_t, std::int64_t>> told(TenantMemory& memory) {
  std::vector<std::pair<std::uint32_t, std::int64_t>> out;
  memory.tell(
      [&](TenantId tenant, std::int64_t bytes) { out.emplace_back(tenant.value(), bytes); });
  return out;
}

TEST(TenantMemoryTest, TellsWhatHasChangedOnce) {
  TenantMemory memory;
  memory.add(TenantId{2}, 100);
  memory.add(TenantId{3}, 7);
  memory.add(TenantId{2}, -30);
  memory.add(TenantId{4}, 0);
  EXPECT_THAT(told(memory), UnorderedElementsAre(Pair(2, 70), Pair(3, 7)));
  EXPECT_THAT(told(memory), IsEmpty());
  memory.add(TenantId{2}, 5);
  memory.add(TenantId{2}, -5);
  EXPECT_THAT(told(memory), IsEmpty());
}

TEST(TenantMemoryTest, WhatIsForgottenIsTakenBack) {
  TenantMemory memory;
  memory.add(TenantId{2}, 100);
  memory.add(TenantId{3}, 100);
  told(memory);
  memory.forget();
  memory.add(TenantId{2}, 40);  // opened anew
  EXPECT_THAT(told(memory), UnorderedElementsAre(Pair(2, -60), Pair(3, -100)));
  memory.add(TenantId{3}, 1);
  EXPECT_THAT(told(memory), ElementsAre(Pair(3, 1)));
}

TEST(TenantMemoryTest, AScopeCountsItsHeap) {
  if (!io::kCountsHeap) GTEST_SKIP() << "a sanitizer has a heap of its own";
  TenantMemory memory;
  std::vector<char> kept;
  {
    const HeapScope heap(memory, TenantId{2});
    kept.resize(1000);
    const std::vector<char> gone(5000);
  }
  ASSERT_EQ(told(memory).size(), 1u);
  {
    const HeapScope heap(memory, TenantId{2});
    std::vector<char>().swap(kept);
  }
  const auto given_back = told(memory);
  ASSERT_EQ(given_back.size(), 1u);
  EXPECT_LE(given_back[0].second, -1000);
}

}  // namespace
}  // namespace stator::host
