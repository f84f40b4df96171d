// document_count and document_aggregate.
#include <string>

#include "document_fixture.h"

namespace stator::document {
namespace {

using testkit::Answer;

class AggregateTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  std::string aggregate(const std::string& args) {
    const Answer answer = documents.kernel.call("document_aggregate", args);
    return answer.status == STATOR_OK ? answer.payload : answer.field + "|" + answer.detail;
  }
  Documents documents{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Lanes, AggregateTest, testing::Values(1u, 2u, 5u));

TEST_P(AggregateTest, OfNothing) {
  EXPECT_EQ(
      aggregate(R"({"aggs":{"n":{"count":"*"},"s":{"sum":"v"},"a":{"avg":"v"},"m":{"min":"v"},)"
                R"("d":{"stddev":"v"},"p":{"percentile":["v",0.5]},"k":{"count_distinct":"v"}}})"),
      R"({"groups":[{"key":{},"values":{"n":0,"s":0,"a":null,"m":null,"d":null,"p":null,"k":0}}]})");
  EXPECT_EQ(aggregate(R"({"aggs":{"n":{"count":"*"}},"group_by":["v"]})"), R"({"groups":[]})");
  EXPECT_EQ(documents.kernel.call("document_count", "{}").payload, R"({"count":0})");
}

TEST_P(AggregateTest, MergesTheLanes) {
  for (int i = 1; i <= 100; ++i) {
    documents.put("d" + std::to_string(i), R"({"v":)" + std::to_string(i) + R"(,"g":")" +
                                               (i % 2 == 0 ? "even" : "odd") + "\"}");
  }
  documents.put("text", R"({"v":"x","g":"even"})");
  documents.put("null", R"({"v":null})");
  EXPECT_EQ(
      aggregate(R"({"aggs":{"n":{"count":"v"},"s":{"sum":"v"},"a":{"avg":"v"},"lo":{"min":"v"},)"
                R"("hi":{"max":"v"},"k":{"count_distinct":"v"},"p":{"percentile":["v",0.9]}},)"
                R"("group_by":["g"]})"),
      R"({"groups":[{"key":{},"values":{"n":1,"s":0,"a":null,"lo":null,"hi":null,"k":0,"p":null}},)"
      R"({"key":{"g":"even"},"values":{"n":51,"s":2550,"a":51,"lo":2,"hi":"x","k":51,"p":90.2}},)"
      R"({"key":{"g":"odd"},"values":{"n":50,"s":2500,"a":50,"lo":1,"hi":99,"k":50,"p":89.2}}]})");
  EXPECT_EQ(documents.kernel.call("document_count", R"({"filter":{"v":{"gt":40}}})").payload,
            R"({"count":60})");
}

TEST_P(AggregateTest, SumsIntegersExactlyAndDoublesWithCompensation) {
  documents.put("a", R"({"i":9223372036854775807,"d":1e16,"u":18446744073709551615})");
  documents.put("b", R"({"i":9223372036854775807,"d":1.0,"u":-1})");
  documents.put("c", R"({"i":1,"d":-1e16,"u":2})");
  EXPECT_EQ(aggregate(R"({"aggs":{"i":{"sum":"i"},"d":{"sum":"d"}}})"),
            R"({"groups":[{"key":{},"values":{"i":18446744073709551615,"d":1}}]})");
}

// They counted as 0.
TEST_P(AggregateTest, NumbersBeyondDoublesGiveNoNumberInsteadOfAWrongOne) {
  documents.put("a", R"({"v":1})");
  documents.put("b", R"({"v":2})");
  documents.put("c", R"({"v":1e400})");
  documents.put("tiny", R"({"v":1e-400})");
  EXPECT_EQ(
      aggregate(R"({"aggs":{"s":{"sum":"v"},"a":{"avg":"v"},"d":{"stddev":"v"},)"
                R"("hi":{"max":"v"},"top":{"percentile":["v",1]}}})"),
      R"({"groups":[{"key":{},"values":{"s":null,"a":null,"d":null,"hi":1e400,"top":null}}]})");
  EXPECT_EQ(aggregate(R"({"aggs":{"m":{"percentile":["v",0.5]},"t":{"percentile":["v",0]}}})"),
            R"({"groups":[{"key":{},"values":{"m":1.5,"t":0}}]})");
  documents.put("d", R"({"v":-1e400})");
  EXPECT_EQ(aggregate(R"({"aggs":{"s":{"sum":"v"},"m":{"percentile":["v",0.5]}}})"),
            R"({"groups":[{"key":{},"values":{"s":null,"m":1}}]})");
}

TEST_P(AggregateTest, NamesEachOnce) {
  documents.put("a", R"({"v":1})");
  EXPECT_EQ(aggregate(R"({"aggs":{"n":{"count":"*"},"n":{"sum":"v"}}})"),
            "aggs|'aggs' has a name twice");
  EXPECT_EQ(aggregate(R"({"aggs":{"n":{"count":"*"}},"group_by":["v","w","v"]})"),
            "group_by|'group_by' has a path twice");
}

TEST_P(AggregateTest, SpreadIsThatOfTheSample) {
  const char* const values[] = {"2", "4", "4", "4", "5", "5", "7", "9"};
  for (int i = 0; i < 8; ++i) {
    documents.put("d" + std::to_string(i), R"({"v":)" + std::string(values[i]) + "}");
  }
  const std::string payload = aggregate(R"({"aggs":{"d":{"stddev":"v"}}})");
  const std::string spread = member(member(elements(member(payload, "groups"))[0], "values"), "d");
  EXPECT_NEAR(std::stod(spread), 2.13808993529939, 1e-12);
}

TEST_P(AggregateTest, EqualValuesAreOneGroup) {
  documents.put("a", R"({"g":1})");
  documents.put("b", R"({"g":1.0})");
  documents.put("c", R"({"g":"1"})");
  const std::string payload = aggregate(R"({"aggs":{"n":{"count":"*"}},"group_by":["g"]})");
  EXPECT_EQ(elements(member(payload, "groups")).size(), 2u);
}

TEST_P(AggregateTest, IsBounded) {
  const std::string text(10'000, 'x');
  for (int i = 0; i < 1000 * static_cast<int>(GetParam()); ++i) {
    documents.put("d" + std::to_string(i), "{\"g\":\"" + text + std::to_string(i) + "\"}");
  }
  EXPECT_EQ(aggregate(R"({"aggs":{"n":{"count":"*"}},"group_by":["g"]})"),
            "group_by|the groups and their values exceed 8 MiB; narrow the filter");
  EXPECT_EQ(aggregate(R"({"aggs":{"n":{"count_distinct":"g"}}})"),
            "group_by|the groups and their values exceed 8 MiB; narrow the filter");
}

TEST_P(AggregateTest, RefusesWhatIsNoAggregate) {
  const std::string form =
      "aggs|'aggs' is {name: {kind: path}} of 1 to 16; percentile takes [path, fraction]";
  for (const char* aggs : {"{}", R"({"a":1})", R"({"a":{}})", R"({"a":{"mean":"v"}})",
                           R"({"a":{"sum":"*"}})", R"({"a":{"sum":"v","avg":"v"}})",
                           R"({"a":{"percentile":"v"}})", R"({"a":{"percentile":["v",2]}})",
                           R"({"a":{"percentile":["v",0.5,1]}})", R"({"a":{"sum":"a..b"}})"}) {
    EXPECT_EQ(aggregate("{\"aggs\":" + std::string(aggs) + "}"), form) << aggs;
  }
}

}  // namespace
}  // namespace stator::document
