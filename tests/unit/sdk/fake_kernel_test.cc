#include "fake_kernel.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "toy_engine.h"

namespace stator::testkit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

std::string put_args(const std::string& key, const std::string& value) {
  return R"({"key":")" + key + R"(","value":")" + value + "\"}";
}

void fill(FakeKernel& kernel, int count) {
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(kernel.call("put", put_args("k" + std::to_string(i), "v")).status, STATOR_OK);
  }
}

TEST(FakeKernelTest, ReadsWhatWasWritten) {
  FakeKernel kernel(&toy_entry);
  EXPECT_EQ(kernel.call("put", put_args("a", "1")).status, STATOR_OK);
  EXPECT_EQ(kernel.call("get", R"({"key":"a"})").payload, R"("1")");
  EXPECT_EQ(kernel.call("remove", R"({"key":"a"})").status, STATOR_OK);
  const Answer gone = kernel.call("get", R"({"key":"a"})");
  EXPECT_EQ(gone.status, STATOR_E_NOT_FOUND);
  EXPECT_EQ(gone.field, "key");
  EXPECT_EQ(gone.detail, "no such item");
}

TEST(FakeKernelTest, PutsTheLsnIntoTheAnswerAndCountsFromOne) {
  FakeKernel kernel(&toy_entry, {.time_ms = 5000});
  EXPECT_EQ(kernel.call("put", put_args("a", "1")).payload, R"({"lsn":1,"time_ms":5000})");
  EXPECT_EQ(kernel.call("put", put_args("b", "1")).payload, R"({"lsn":2,"time_ms":5001})");
  EXPECT_EQ(kernel.last_lsn(), 2u);
}

TEST(FakeKernelTest, PutsZeroWhenPrepareReturnedNoRecord) {
  FakeKernel kernel(&toy_entry);
  EXPECT_THAT(kernel.call("put", put_args("a", "no_record")).payload, StartsWith(R"({"lsn":0,)"));
  EXPECT_EQ(kernel.last_lsn(), 0u);
}

TEST(FakeKernelTest, WritesNothingWhenPrepareRefuses) {
  FakeKernel kernel(&toy_entry);
  const Answer answer = kernel.call("put", put_args("a", "refuse"));
  EXPECT_EQ(answer.status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(answer.payload, "");
  EXPECT_EQ(kernel.last_lsn(), 0u);
  EXPECT_TRUE(kernel.dump().empty());
}

TEST(FakeKernelTest, GivesARefusalWithoutASentenceTheTablesMeaning) {
  FakeKernel kernel(&toy_entry);
  EXPECT_EQ(kernel.call("put", put_args("a", "refuse_plainly")).detail,
            "a constraint of the collection refuses the write");
  EXPECT_EQ(kernel.call("put", put_args("a", "unknown_status")).status, STATOR_E_INTERNAL);
}

TEST(FakeKernelTest, KeepsTenantsAndCollectionsApart) {
  FakeKernel kernel(&toy_entry);
  kernel.call("put", put_args("a", "one"), "c", 1);
  EXPECT_EQ(kernel.call("get", R"({"key":"a"})", "c", 1).payload, R"("one")");
  EXPECT_EQ(kernel.call("get", R"({"key":"a"})", "c", 2).status, STATOR_E_NOT_FOUND);
  EXPECT_EQ(kernel.call("get", R"({"key":"a"})", "d", 1).status, STATOR_E_NOT_FOUND);
}

TEST(FakeKernelTest, KnowsAliasesAndCanonicalNames) {
  FakeKernel kernel(&toy_entry);
  EXPECT_EQ(kernel.call("store", put_args("a", "1")).status, STATOR_OK);
  EXPECT_EQ(kernel.call("toy.get", R"({"key":"a"})").status, STATOR_OK);
  const Answer unknown = kernel.call("fetch", "{}");
  EXPECT_EQ(unknown.status, STATOR_E_UNKNOWN_OP);
  EXPECT_EQ(unknown.detail, "unknown op: fetch");
}

TEST(FakeKernelTest, RefusesBadCollectionNames) {
  FakeKernel kernel(&toy_entry);
  for (const std::string& name : {std::string(), std::string(129, 'c'), std::string("a\0b", 3)}) {
    EXPECT_EQ(kernel.call("get", R"({"key":"a"})", name).field, "collection");
  }
}

TEST(FakeKernelTest, SpreadsDocumentsOverLanesAndMergesAll) {
  FakeKernel kernel(&toy_entry, {.lanes = 4});
  fill(kernel, 100);
  EXPECT_EQ(kernel.call("count", "{}").payload, "100");
  const std::string lanes = kernel.call("scan", "{}").payload;
  EXPECT_EQ(lanes.find("[]"), std::string::npos) << lanes;  // no lane is empty
  for (int i = 0; i < 100; ++i) {
    const std::string args = R"({"key":"k)" + std::to_string(i) + "\"}";
    EXPECT_EQ(kernel.call("get", args).status, STATOR_OK);
  }
}

TEST(FakeKernelTest, MergesAlsoWithOneLane) {
  FakeKernel kernel(&toy_entry);
  fill(kernel, 2);
  EXPECT_EQ(kernel.call("scan", "{}").payload, R"([["k0","k1"]])");
}

TEST(FakeKernelTest, ScansInKeyOrderWithinBounds) {
  FakeKernel kernel(&toy_entry);
  for (const char* key : {"b", "a", "d", "c", "cc"}) kernel.call("put", put_args(key, ""));
  kernel.call("put", put_args("z", ""), "other");
  const auto scan = [&](const char* args) { return kernel.call("scan", args).payload; };
  EXPECT_EQ(scan("{}"), R"([["a","b","c","cc","d"]])");
  EXPECT_EQ(scan(R"({"lower":"b","upper":"d"})"), R"([["b","c","cc"]])");
  EXPECT_EQ(scan(R"({"lower":"b","upper":"d","reverse":true})"), R"([["cc","c","b"]])");
  EXPECT_EQ(scan(R"({"reverse":true})"), R"([["d","cc","c","b","a"]])");
  EXPECT_EQ(scan(R"({"lower":"x","upper":"b"})"), "[[]]");
}

TEST(FakeKernelTest, GivesEachLaneItsRowsInTheirOrder) {
  FakeKernel kernel(&toy_entry, {.lanes = 3});
  std::string items;
  for (int i = 0; i < 40; ++i) {
    items += (i == 0 ? "" : ",") + std::string(R"({"vector":[1,2],"key":"k)") + std::to_string(i) +
             R"(","value":"v"})";
  }
  const Answer answer = kernel.call("put_many", R"({"items":[)" + items + "]}");
  EXPECT_EQ(answer.status, STATOR_OK) << answer.detail;
  EXPECT_EQ(kernel.call("count", "{}").payload, "40");
  EXPECT_EQ(kernel.last_lsn(), 40u);
  EXPECT_THAT(answer.payload, StartsWith(R"([{"count":)"));
  EXPECT_THAT(answer.payload, HasSubstr(R"("lsn":1})"));
}

TEST(FakeKernelTest, AsksOnlyLanesThatHaveRows) {
  FakeKernel kernel(&toy_entry, {.lanes = 8});
  EXPECT_EQ(kernel.call("put_many", R"({"items":[{"key":"a"}]})").payload,
            R"([{"count":1,"lsn":1}])");
  EXPECT_EQ(kernel.call("put_many", R"({"items":[]})").payload, R"([{"count":0,"lsn":0}])");
}

TEST(FakeKernelTest, AnswersTheRefusalOfOneLane) {
  FakeKernel kernel(&toy_entry, {.lanes = 2});
  const Answer answer = kernel.call(
      "put_many", R"({"items":[{"key":"a"},{"key":"b"},{"key":"c","value":"refuse"}]})");
  EXPECT_EQ(answer.status, STATOR_E_REJECTED_CONSTRAINT);
  EXPECT_EQ(answer.detail, "c");
  EXPECT_EQ(answer.payload, "");
}

TEST(FakeKernelTest, LetsEveryLaneKeepItsCopyOfAnAllWrite) {
  FakeKernel kernel(&toy_entry, {.lanes = 3});
  EXPECT_EQ(kernel.call("set_policy", R"({"policy":{"a":1}})").payload, "[1,2,3]");
  const auto live = kernel.dump();
  EXPECT_THAT(live, SizeIs(1));  // three equal copies show as one
  kernel.replay();
  EXPECT_EQ(kernel.dump(), live);
}

TEST(FakeKernelTest, RestartKeepsTheStoreAndRebuildsDerivedState) {
  FakeKernel kernel(&toy_entry, {.lanes = 4});
  fill(kernel, 20);
  const auto before = kernel.dump();
  kernel.restart();
  EXPECT_EQ(kernel.dump(), before);
  EXPECT_EQ(kernel.call("count", "{}").payload, "20");
}

TEST(FakeKernelTest, ReplayRebuildsStoreAndDerivedStateFromTheLog) {
  FakeKernel kernel(&toy_entry, {.lanes = 4});
  fill(kernel, 20);
  kernel.call("remove", R"({"key":"k3"})");
  kernel.call("set_policy", R"({"policy":{}})");
  const auto before = kernel.dump();
  kernel.replay();
  EXPECT_EQ(kernel.dump(), before);
  EXPECT_EQ(kernel.call("count", "{}").payload, "19");
  EXPECT_EQ(kernel.last_lsn(), 25u);
}

TEST(FakeKernelTest, DumpNamesWhereAnEntryLives) {
  FakeKernel kernel(&toy_entry);
  kernel.call("put", put_args("a\\u0000b", "v"), "users", 3);
  const auto dump = kernel.dump();
  ASSERT_THAT(dump, SizeIs(1));
  EXPECT_THAT(dump.begin()->first, StartsWith("tenant=3 collection=users space=1 vshard="));
}

TEST(FakeKernelTest, InterruptsTheNextCallAlone) {
  FakeKernel kernel(&toy_entry);
  kernel.interrupt_next();
  EXPECT_EQ(kernel.call("ask", R"({"what":"interrupted"})").payload, "true");
  EXPECT_EQ(kernel.call("ask", R"({"what":"interrupted"})").payload, "false");
}

TEST(FakeKernelTest, RefusesAnAnswerOverTheFrameLimit) {
  FakeKernel kernel(&toy_entry);
  EXPECT_EQ(kernel.call("ask", R"({"what":"huge"})").status, STATOR_E_FAN_OUT_EXCEEDED);
}

TEST(FakeKernelTest, HandsCallsToTheCallee) {
  FakeKernel kernel(&toy_entry);
  EXPECT_EQ(kernel.call("ask", R"({"what":"other_op"})").status, STATOR_E_ENGINE_DISABLED);
  std::string seen;
  kernel.set_callee(
      [](void* context, std::string_view op, std::string_view args) -> Answer {
        *static_cast<std::string*>(context) = std::string(op) + " " + std::string(args);
        return {STATOR_OK, "[1]", true, {}, {}};
      },
      &seen);
  const Answer answer = kernel.call("ask", R"({"what":"other_op"})");
  EXPECT_EQ(answer.payload, "[1]");
  EXPECT_TRUE(answer.is_binary);
  EXPECT_EQ(seen, R"(other_op {"x":1})");
  EXPECT_EQ(kernel.call("ask", R"({"what":"undeclared"})").status, STATOR_E_UNKNOWN_OP);
}

TEST(FakeKernelTest, PassesTheRefusalToOpenOn) {
  try {
    FakeKernel kernel(&toy_entry, {.config_json = R"({"mode":"refuse"})"});
    FAIL() << "opened";
  } catch (const std::runtime_error& fault) {
    EXPECT_STREQ(fault.what(), "refused as the config asks");
  }
}

TEST(FakeKernelTest, RefusesUnknownConfigKeys) {
  try {
    FakeKernel kernel(&toy_entry, {.config_json = R"({"mood":"x"})"});
    FAIL() << "opened";
  } catch (const std::runtime_error& fault) {
    EXPECT_STREQ(fault.what(), "toy: unknown config key 'mood'");
  }
}

class ContractFaultTest : public ::testing::Test {
 protected:
  static void break_rule(const std::string& rule) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    FakeKernel kernel(&toy_entry, {.lanes = 2});
    kernel.call("break", R"({"rule":")" + rule + "\"}");
  }
};

TEST_F(ContractFaultTest, StopsOnAPutOutsideApply) {
  EXPECT_DEATH(break_rule("put_in_prepare"), "kv.put outside apply");
}
TEST_F(ContractFaultTest, StopsOnKeysOfAWrongSize) {
  EXPECT_DEATH(break_rule("long_key"), "a key of 361 bytes");
  EXPECT_DEATH(break_rule("empty_key"), "a key of 0 bytes");
}
TEST_F(ContractFaultTest, StopsOnAPutForAnotherLane) {
  EXPECT_DEATH(break_rule("other_lane"), "is not of lane");
}
TEST_F(ContractFaultTest, StopsOnACursorUsedAfterAWrite) {
  EXPECT_DEATH(break_rule("stale_cursor"), "a cursor used after a write");
}
TEST_F(ContractFaultTest, StopsOnTheSeventeenthCursor) {
  EXPECT_DEATH(break_rule("cursors"), "more than 16 cursors");
}
TEST_F(ContractFaultTest, StopsOnARecordForAnotherLane) {
  EXPECT_DEATH(break_rule("record_elsewhere"), "does not own");
}
TEST_F(ContractFaultTest, StopsOnARecordForEveryLaneFromOneLane) {
  EXPECT_DEATH(break_rule("record_everywhere"), "not placed ALL");
}
TEST_F(ContractFaultTest, StopsOnARecordTypeOutOfRange) {
  EXPECT_DEATH(break_rule("record_type"), "record type 65536");
}
TEST_F(ContractFaultTest, StopsWhenApplyFails) {
  EXPECT_DEATH(break_rule("apply_throws"), "apply of record type 4 at lsn 1 answered 9000");
}

}  // namespace
}  // namespace stator::testkit
