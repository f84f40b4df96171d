// The engine that sdk/README.md shows.
#include <gtest/gtest.h>

#include "fake_kernel.h"

namespace stator::testkit {
namespace {

TEST(CounterTemplateTest, CountsAndSurvivesReplay) {
  FakeKernel kernel(&stator_engine_entry_v1, {.lanes = 2});
  EXPECT_EQ(kernel.call("counter_add", R"({"name":"hits"})").payload, R"({"total":1,"lsn":1})");
  EXPECT_EQ(kernel.call("counter_add", R"({"name":"hits","by":4})").payload,
            R"({"total":5,"lsn":2})");
  EXPECT_EQ(kernel.call("counter_get", R"({"name":"other"})").payload, R"({"total":0})");
  const auto before = kernel.dump();
  kernel.replay();
  EXPECT_EQ(kernel.dump(), before);
  EXPECT_EQ(kernel.call("counter_get", R"({"name":"hits"})").payload, R"({"total":5})");
}

TEST(CounterTemplateTest, RefusesToOverflow) {
  FakeKernel kernel(&stator_engine_entry_v1);
  ASSERT_EQ(kernel.call("counter_add", R"({"name":"a","by":18446744073709551615})").status,
            STATOR_OK);
  const Answer answer = kernel.call("counter_add", R"({"name":"a"})");
  EXPECT_EQ(answer.status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(answer.field, "by");
}

}  // namespace
}  // namespace stator::testkit
