// The engine on the fake kernel: no server, no disk. Under AddressSanitizer
// (-DCMAKE_CXX_FLAGS=-fsanitize=address) it also finds what the engine keeps of memory that is
// lent.
#include <gtest/gtest.h>

#include "fake_kernel.h"

namespace {

using stator::testkit::Answer;
using stator::testkit::FakeKernel;

TEST(CounterTest, AddsAndSurvivesReplayAndRestart) {
  FakeKernel kernel(&stator_engine_entry_v1, {.lanes = 2});
  EXPECT_EQ(kernel.call("counter_add", R"({"name":"hits"})").payload, R"({"total":1,"lsn":1})");
  EXPECT_EQ(kernel.call("counter_add", R"({"name":"hits","by":4})").payload,
            R"({"total":5,"lsn":2})");
  EXPECT_EQ(kernel.call("counter_get", R"({"name":"other"})").payload, R"({"total":0})");
  const auto before = kernel.dump();
  kernel.replay();  // an empty store, and the whole log again
  EXPECT_EQ(kernel.dump(), before);
  kernel.restart();
  EXPECT_EQ(kernel.call("counter_get", R"({"name":"hits"})").payload, R"({"total":5})");
}

TEST(CounterTest, RefusesToOverflow) {
  FakeKernel kernel(&stator_engine_entry_v1);
  ASSERT_EQ(kernel.call("counter_add", R"({"name":"a","by":18446744073709551615})").status,
            STATOR_OK);
  const Answer answer = kernel.call("counter_add", R"({"name":"a"})");
  EXPECT_EQ(answer.status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(answer.field, "by");
}

TEST(CounterTest, TenantsAndCollectionsAreApart) {
  FakeKernel kernel(&stator_engine_entry_v1);
  kernel.call("counter_add", R"({"name":"hits"})", "one", 1);
  EXPECT_EQ(kernel.call("counter_get", R"({"name":"hits"})", "one", 2).payload, R"({"total":0})");
  EXPECT_EQ(kernel.call("counter_get", R"({"name":"hits"})", "two", 1).payload, R"({"total":0})");
}

}  // namespace
