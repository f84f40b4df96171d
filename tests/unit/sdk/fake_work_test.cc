// Background work on the fake kernel, with the engine of tests/support/lease_engine.cc.
#include <gtest/gtest.h>

#include "fake_kernel.h"

extern "C" const stator_engine_v1* lease_entry(const stator_kernel_hello* hello);

namespace {

using stator::testkit::Answer;
using stator::testkit::FakeKernel;

constexpr std::uint64_t kStart = 1'700'000'000'000;

class FakeWorkTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  Answer lease(const std::string& name, std::uint64_t until, const std::string& ticket) {
    return kernel_.call("lease", R"({"name":")" + name + R"(","until":)" + std::to_string(until) +
                                     R"(,"ticket":")" + ticket + "\"}");
  }
  std::string lease_of(const std::string& name) {
    return kernel_.call("lease_get", R"({"name":")" + name + "\"}").payload;
  }
  std::string holder_of(const std::string& ticket) {
    return kernel_.call("ticket_get", R"({"ticket":")" + ticket + "\"}").payload;
  }
  void lease_ten(std::uint64_t until) {
    for (int i = 0; i < 10; ++i) {
      const std::string name = std::to_string(i);
      EXPECT_EQ(lease("n" + name, until, "t" + name).status, STATOR_OK);
    }
  }
  void expect_none() {
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(lease_of("n" + std::to_string(i)), "");
      EXPECT_EQ(holder_of("t" + std::to_string(i)), "");
    }
  }
  FakeKernel kernel_{&lease_entry, {.lanes = GetParam()}};
};

TEST_P(FakeWorkTest, IsDoneWhenItsTimeHasCome) {
  lease_ten(kStart + 1000);
  EXPECT_EQ(kernel_.run_work(), 0u);
  EXPECT_EQ(lease_of("n1"), "t1");
  kernel_.advance(1000);
  EXPECT_EQ(lease_of("n1"), "t1") << "work is not done by itself";
  EXPECT_GE(kernel_.run_work(), 4u) << "a turn ends three leases";
  expect_none();
  EXPECT_EQ(kernel_.run_work(), 0u);
}

TEST_P(FakeWorkTest, ASliceThatIsOverAtEveryLookIsDoneInMoreTurns) {
  lease_ten(kStart + 1000);
  kernel_.advance(1000);
  kernel_.set_slice(1);
  EXPECT_GE(kernel_.run_work(), 10u);
  expect_none();
}

TEST_P(FakeWorkTest, ARestartForgetsNoneAndAReplayGivesTheSame) {
  lease_ten(kStart + 1000);
  kernel_.restart();
  kernel_.advance(1000);
  kernel_.run_work();
  expect_none();
  const auto before = kernel_.dump();
  kernel_.replay();
  EXPECT_EQ(kernel_.dump(), before);
}

TEST_P(FakeWorkTest, WhatAllLanesDoIsSeenByAll) {
  lease_ten(kStart + 1000);
  kernel_.advance(1000);
  kernel_.run_work();
  const std::string all = kernel_.call("lease_sweep", "{}").payload;
  const std::string one = all.substr(0, all.find(' ') + 1);
  EXPECT_NE(one, "- ");
  std::string expected;
  for (std::uint32_t i = 0; i < GetParam(); ++i) expected += one;
  EXPECT_EQ(all, expected);
}

TEST_P(FakeWorkTest, ARequestWaitsForIt) {
  lease_ten(kStart + 5);  // over when the tenth lease was written
  kernel_.advance(5);
  EXPECT_EQ(kernel_.call("lease_sweep", "{}").status, STATOR_OK);
  // It is the asking lane's leases that it waits for.
  if (GetParam() == 1) expect_none();
}

INSTANTIATE_TEST_SUITE_P(Lanes, FakeWorkTest, testing::Values(1, 2, 3));

}  // namespace
