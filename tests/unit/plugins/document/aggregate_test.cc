// document_count and document_aggregate.
#include <algorithm>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

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
  const std::string refusal =
      "limit|the groups, or the values of one, exceed 8 MiB; give a 'limit', and go on with the "
      "cursor or with 'stream'";
  EXPECT_EQ(aggregate(R"({"aggs":{"n":{"count":"*"}},"group_by":["g"]})"), refusal);
  EXPECT_EQ(aggregate(R"({"aggs":{"n":{"count_distinct":"g"}}})"), refusal);
}

// Each lane is within its bounds, all of them together are not.
TEST(AggregateMergeTest, IsBoundedOverAllLanes) {
  Documents documents(5);
  const std::string text(10'000, 'x');
  for (int i = 0; i < 1500; ++i) {
    documents.put("d" + std::to_string(i), "{\"g\":\"" + text + std::to_string(i) + "\"}");
  }
  const Answer values =
      documents.kernel.call("document_aggregate", R"({"aggs":{"n":{"count_distinct":"g"}}})");
  EXPECT_EQ(values.payload, R"({"groups":[{"key":{},"values":{"n":1500}}]})") << values.detail;
  const Answer groups = documents.kernel.call("document_aggregate",
                                              R"({"aggs":{"n":{"count":"*"}},"group_by":["g"]})");
  EXPECT_EQ(groups.status, STATOR_E_RESOURCES_EXHAUSTED) << "half of them would look like all";
  EXPECT_EQ(groups.field, "limit");
}

// A small group is dropped, then a large one before it, which leaves room: the small one must not
// come back without the documents that it had.
TEST(AggregateDropTest, WhatWasDroppedStaysAway) {
  Documents documents(1);
  const auto put = [&](const std::string& id, const std::string& group) {
    documents.put(id, "{\"g\":\"" + group + "\"}");
  };
  put("1", "zz");
  put("2", std::string(3'000'000, 'y'));
  put("3", std::string(3'000'000, 'a'));
  put("4", std::string(2'900'000, 'b'));
  put("5", "zz");
  const Answer answer = documents.kernel.call(
      "document_aggregate", R"({"aggs":{"n":{"count":"*"}},"group_by":["g"],"limit":100})");
  ASSERT_EQ(answer.status, STATOR_OK);
  EXPECT_EQ(elements(member(answer.payload, "groups")).size(), 2u);
  EXPECT_EQ(member(answer.payload, "more"), "true");
}

// Pages of an aggregate, until there is none.
std::vector<std::string> pages_of(Documents& documents, const std::string& args,
                                  std::size_t& count) {
  std::vector<std::string> groups;
  std::string cursor;
  for (count = 0; count < 5000; ++count) {
    const Answer page = documents.kernel.call("document_aggregate", "{" + args + cursor + "}");
    EXPECT_EQ(page.status, STATOR_OK) << page.detail;
    for (const std::string& group : elements(member(page.payload, "groups")))
      groups.push_back(group);
    EXPECT_EQ(page.more, from_json(member(page.payload, "cursor")));
    if (page.more.empty()) break;
    cursor = ",\"cursor\":" + to_json(page.more);
  }
  ++count;
  return groups;
}

TEST_P(AggregateTest, PagesOfGroupsAreAllGroups) {
  const char* const kinds[] = {"1",     "1.0",   "-7",  "null",      "true",
                               "\"a\"", "\"b\"", "[1]", "{\"x\":1}", "2.5"};
  std::mt19937 random(11);
  for (int i = 0; i < 400; ++i) {
    std::string data = "{\"v\":" + std::to_string(random() % 50);
    if (random() % 5 != 0) data += ",\"g\":" + std::string(kinds[random() % std::size(kinds)]);
    if (random() % 5 != 0) data += ",\"h\":" + std::to_string(random() % 7);
    documents.put("d" + std::to_string(i), data + "}");
  }
  const std::string aggs =
      R"("aggs":{"n":{"count":"*"},"s":{"sum":"v"},"k":{"count_distinct":"v"},"p":{"percentile":["v",0.5]},)"
      R"("m":{"max":"v"}},"group_by":["g","h"])";
  std::size_t pages = 0;
  const auto all = elements(member(aggregate("{" + aggs + "}"), "groups"));
  ASSERT_GT(all.size(), 50u);
  // The value that stands for equal ones may be another one on another page.
  const auto values = [](const std::vector<std::string>& groups) {
    std::vector<std::string> out;
    for (const std::string& group : groups) out.push_back(member(group, "values"));
    return out;
  };
  for (const std::size_t limit : {1u, 2u, 7u, 50u, 79u, 1000u}) {
    const auto paged = pages_of(documents, aggs + ",\"limit\":" + std::to_string(limit), pages);
    EXPECT_EQ(values(paged), values(all)) << limit;
    EXPECT_GE(pages, (all.size() + limit - 1) / limit);
  }
  EXPECT_EQ(aggregate("{" + aggs + R"(,"limit":1,"cursor":"01"})"),
            "cursor|'cursor' is not one of this filter and group_by");
}

// 20 MB of keys, in bounds of 8 MiB a lane; a page ends where a lane has dropped groups.
TEST_P(AggregateTest, MoreGroupsThanThereIsRoomForComeInPages) {
  const std::string text(10'000, 'x');
  std::vector<std::string> keys;
  for (int i = 0; i < 2000; ++i) {
    keys.push_back(text + std::to_string(10'000 + (i * 7919) % 2000));
    for (int k = 0; k <= i % 3; ++k) {
      documents.put("d" + std::to_string(i) + "." + std::to_string(k),
                    "{\"g\":\"" + keys.back() + "\",\"h\":" + std::to_string(i) + "}");
    }
  }
  std::size_t pages = 0;
  const auto groups = pages_of(
      documents, R"("aggs":{"n":{"count":"*"},"h":{"max":"h"}},"group_by":["h"],"limit":100000)",
      pages);
  EXPECT_EQ(groups.size(), 2000u);
  EXPECT_EQ(pages, 1u) << "small keys need no pages";
  // A key of 10 KB has no cursor: such groups come as far as there is room.
  const Answer answer = documents.kernel.call(
      "document_aggregate", R"({"aggs":{"n":{"count":"*"}},"group_by":["g"],"limit":100000})");
  ASSERT_EQ(answer.status, STATOR_OK);
  EXPECT_EQ(member(answer.payload, "more"), "true");
  std::sort(keys.begin(), keys.end());
  const auto first = elements(member(answer.payload, "groups"));
  ASSERT_GT(first.size(), 100u);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(from_json(member(member(first[i], "key"), "g")), keys[i]);
  }
}

TEST_P(AggregateTest, PagesEndWhereALaneHasNoMoreRoom) {
  const std::string text(3000, 'x');
  std::map<std::string, int> expected;
  for (int i = 0; i < 6000; ++i) {
    const std::string key = std::to_string(10'000 + (i * 7919) % 4000) + text;
    ++expected[key];
    documents.put("d" + std::to_string(i), "{\"g\":\"" + key + "\"}");
  }
  std::size_t pages = 0;
  const auto groups =
      pages_of(documents, R"("aggs":{"n":{"count":"*"}},"group_by":["g"],"limit":100000)", pages);
  ASSERT_EQ(groups.size(), expected.size());
  auto one = expected.begin();
  for (const std::string& group : groups) {
    EXPECT_EQ(from_json(member(member(group, "key"), "g")), one->first);
    EXPECT_EQ(member(member(group, "values"), "n"), std::to_string(one->second));
    ++one;
  }
  EXPECT_GE(pages, 2u);
  EXPECT_LE(pages, 4u);
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
