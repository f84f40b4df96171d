// range_scan, with an index and without: the same rows either way.
#include <string>

#include <gmock/gmock.h>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testkit::Answer;

struct Setting {
  std::uint32_t lanes;
  bool is_indexed;
};

class RangeScanTest : public testing::TestWithParam<Setting> {
 protected:
  RangeScanTest() {
    if (GetParam().is_indexed) documents.create_index("v");
  }
  Answer scan(const std::string& more = {}) {
    const Answer answer = documents.kernel.call("range_scan", "{\"field\":\"v\"" + more + "}");
    if (answer.status == STATOR_OK) {
      EXPECT_EQ(member(answer.payload, "indexed"), GetParam().is_indexed ? "true" : "false");
    }
    return answer;
  }
  void put_value(std::string_view id, std::string_view value) {
    documents.put(id, "{\"v\":" + std::string(value) + "}");
  }
  // One document of each type, ids in another order than values.
  void put_all_types() {
    put_value("z", "null");
    put_value("y", "false");
    put_value("x", "true");
    put_value("w", "-1.5");
    put_value("v", "2");
    put_value("u", "\"2\"");
    put_value("t", "[1]");
    put_value("s", R"({"a":1})");
    documents.put("r", R"({"w":1})");
  }
  Documents documents{GetParam().lanes};
};
INSTANTIATE_TEST_SUITE_P(Settings, RangeScanTest,
                         testing::Values(Setting{1, false}, Setting{1, true}, Setting{2, false},
                                         Setting{2, true}, Setting{3, true}),
                         [](const auto& setting) {
                           return std::to_string(setting.param.lanes) +
                                  (setting.param.is_indexed ? "LanesIndexed" : "LanesUnindexed");
                         });

TEST_P(RangeScanTest, AnEmptyCollectionHasNoRows) { EXPECT_THAT(rows_of(scan()), IsEmpty()); }

TEST_P(RangeScanTest, OrdersTypesAndLeavesOutDocumentsWithoutTheField) {
  put_all_types();
  EXPECT_THAT(ids_of(scan()), ElementsAre("z", "y", "x", "w", "v", "u", "t", "s"));
  EXPECT_THAT(ids_of(scan(R"(,"order":"desc")")),
              ElementsAre("s", "t", "u", "v", "w", "x", "y", "z"));
}

TEST_P(RangeScanTest, ABoundSelectsItsOwnTypeOnly) {
  put_all_types();
  EXPECT_THAT(ids_of(scan(R"(,"lower":-100)")), ElementsAre("w", "v"));
  EXPECT_THAT(ids_of(scan(R"(,"upper":100)")), ElementsAre("w", "v"));
  EXPECT_THAT(ids_of(scan(R"(,"lower":"")")), ElementsAre("u"));
  EXPECT_THAT(ids_of(scan(R"(,"upper":"~")")), ElementsAre("u"));
  EXPECT_THAT(ids_of(scan(R"(,"lower":false)")), ElementsAre("y", "x"));
  EXPECT_THAT(ids_of(scan(R"(,"upper":true)")), ElementsAre("y"));
  EXPECT_THAT(ids_of(scan(R"(,"lower":null)")), ElementsAre("z"));
  EXPECT_THAT(ids_of(scan(R"(,"upper":null)")), IsEmpty());
}

TEST_P(RangeScanTest, BoundsAreHalfOpenUnlessAskedOtherwise) {
  for (int i = 1; i <= 5; ++i) put_value("d" + std::to_string(i), std::to_string(i));
  EXPECT_THAT(ids_of(scan(R"(,"lower":2,"upper":4)")), ElementsAre("d2", "d3"));
  EXPECT_THAT(
      ids_of(scan(R"(,"lower":2,"upper":4,"lower_inclusive":false,"upper_inclusive":true)")),
      ElementsAre("d3", "d4"));
  EXPECT_THAT(ids_of(scan(R"(,"lower":2,"upper":2,"upper_inclusive":true)")), ElementsAre("d2"));
  EXPECT_THAT(ids_of(scan(R"(,"lower":2,"upper":2)")), IsEmpty());
  EXPECT_THAT(ids_of(scan(R"(,"lower":4,"upper":2)")), IsEmpty());
  EXPECT_THAT(ids_of(scan(R"(,"lower":1.5,"upper":3.0000001,"order":"desc")")),
              ElementsAre("d3", "d2"));
}

TEST_P(RangeScanTest, ComparesIntegersAndDoublesExactly) {
  put_value("b", "9007199254740993");
  put_value("c", "9007199254740992");
  put_value("a", "9007199254740994.0");
  put_value("d", "9007199254740992.5");
  EXPECT_THAT(ids_of(scan()), ElementsAre("c", "d", "b", "a"));
  EXPECT_THAT(ids_of(scan(R"(,"lower":9007199254740992,"lower_inclusive":false)")),
              ElementsAre("d", "b", "a"));
  EXPECT_THAT(ids_of(scan(R"(,"upper":9007199254740993)")), ElementsAre("c", "d"));
}

TEST_P(RangeScanTest, EqualValuesComeInTheOrderOfIds) {
  for (const char* id : {"c", "a", ":", "b", "\U0001F600"}) put_value(id, "7");
  put_value("d", "7.0");
  EXPECT_THAT(ids_of(scan()), ElementsAre(":", "a", "b", "c", "d", "\U0001F600"));
  EXPECT_THAT(ids_of(scan(R"(,"order":"desc","limit":2)")), ElementsAre("\U0001F600", "d"));
}

// All strings share more bytes than a key holds, so only the documents tell them apart.
TEST_P(RangeScanTest, OrdersStringsThatAreCutInTheKey) {
  const std::string shared(150, 'x');
  put_value("1", to_json(shared + "c"));
  put_value("2", to_json(shared + "a"));
  put_value("3", to_json(shared));
  put_value("4", to_json(shared + "b"));
  put_value("5", to_json(shared + "a"));
  put_value("6", to_json(std::string(50, 'x')));
  put_value("7", to_json(std::string(50, 'x') + "y"));
  EXPECT_THAT(ids_of(scan()), ElementsAre("6", "3", "2", "5", "4", "1", "7"));
  EXPECT_THAT(ids_of(scan(R"(,"limit":3)")), ElementsAre("6", "3", "2"));
  EXPECT_THAT(ids_of(scan(R"(,"order":"desc","limit":4)")), ElementsAre("7", "1", "4", "5"));
  EXPECT_THAT(
      ids_of(scan(",\"lower\":" + to_json(shared + "a") + ",\"upper\":" + to_json(shared + "c"))),
      ElementsAre("2", "5", "4"));
  EXPECT_THAT(ids_of(scan(",\"lower_inclusive\":false,\"lower\":" + to_json(shared + "a"))),
              ElementsAre("4", "1", "7"));
  EXPECT_THAT(ids_of(scan(",\"upper_inclusive\":true,\"upper\":" + to_json(shared))),
              ElementsAre("6", "3"));
}

TEST_P(RangeScanTest, AnswersValuesAndDataOnRequest) {
  documents.put("a", R"({"v":{"x":[1,null]},"other":true})");
  EXPECT_EQ(member(scan().payload, "rows"), R"([{"document_id":"a","value":{"x":[1,null]}}])");
  EXPECT_EQ(
      member(scan(R"(,"include_data":true)").payload, "rows"),
      R"([{"document_id":"a","value":{"x":[1,null]},"data":{"v":{"x":[1,null]},"other":true}}])");
}

TEST_P(RangeScanTest, TheDefaultLimitIsAHundred) {
  for (int i = 0; i < 130; ++i) put_value("d" + std::to_string(i), std::to_string(i));
  EXPECT_EQ(rows_of(scan()).size(), 100u);
  EXPECT_EQ(rows_of(scan(R"(,"limit":10000)")).size(), 130u);
  EXPECT_EQ(rows_of(scan(R"(,"limit":1,"order":"desc")")).at(0).value, "129");
}

TEST_P(RangeScanTest, RefusesBadArgumentsAndNamesThem) {
  EXPECT_EQ(documents.kernel.call("range_scan", "{}").field, "field");
  EXPECT_EQ(documents.kernel.call("range_scan", R"({"field":"a..b"})").field, "field");
  EXPECT_EQ(scan(R"(,"lower":[1])").field, "lower");
  EXPECT_EQ(scan(R"(,"upper":{})").field, "upper");
  EXPECT_EQ(scan(R"(,"lower":1e9999999999)").field, "lower");
  EXPECT_EQ(scan(R"(,"order":"up")").field, "order");
  EXPECT_EQ(scan(R"(,"limit":0)").field, "limit");
  EXPECT_EQ(scan(R"(,"limit":10001)").field, "limit");
  const Answer mixed = scan(R"(,"lower":1,"upper":"2")");
  EXPECT_EQ(mixed.status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(mixed.field, "upper");
}

TEST_P(RangeScanTest, StopsWhenInterrupted) {
  for (int i = 0; i < 20; ++i) put_value("d" + std::to_string(i), "1");
  documents.kernel.interrupt_next();
  EXPECT_EQ(scan().status, STATOR_E_DEADLINE_EXCEEDED);
}

// Nothing is selected, so it is the walk over the documents that must stop.
TEST(RangeScanWalkTest, StopsWhenInterruptedWithoutFindingARow) {
  Documents documents;
  for (int i = 0; i < 20; ++i) documents.put("d" + std::to_string(i), R"({"v":1})");
  documents.kernel.interrupt_next();
  const Answer answer = documents.kernel.call("range_scan", R"({"field":"v","lower":2})");
  EXPECT_EQ(answer.status, STATOR_E_DEADLINE_EXCEEDED);
}

}  // namespace
}  // namespace stator::document
