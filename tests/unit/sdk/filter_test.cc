// The filter language: what each test means, its bounds, and random filters against a model.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "stator/filter/compile.hpp"
#include "stator/packed/encode.hpp"

#include "unit/sdk/filter_model.h"

namespace stator::filter {
namespace {

std::string packed_of(std::string_view text) {
  std::string out;
  packed::Encoder encoder;
  EXPECT_TRUE(encoder.encode(text, out)) << text;
  return out;
}

bool selects(std::string_view filter, std::string_view document) {
  std::string program;
  Compiler compiler;
  EXPECT_TRUE(compiler.compile(filter, program)) << filter << ": " << compiler.error();
  const std::string stored = packed_of(document);
  return matches(program, packed::read_value(stored));
}

std::string refusal(std::string_view filter) {
  std::string program = "before";
  Compiler compiler;
  EXPECT_FALSE(compiler.compile(filter, program)) << filter;
  EXPECT_EQ(program, "before");
  return compiler.error();
}

TEST(FilterTest, ComparesByTypeAndValue) {
  const char* document = R"({"n":5,"d":5.0,"s":"5","t":true,"z":null,"a":[1,2],"o":{"x":1}})";
  EXPECT_TRUE(selects(R"({"n":{"eq":5}})", document));
  EXPECT_TRUE(selects(R"({"n":{"eq":5.0},"d":{"eq":5}})", document));
  EXPECT_FALSE(selects(R"({"n":{"eq":"5"}})", document));
  EXPECT_FALSE(selects(R"({"s":{"eq":5}})", document));
  EXPECT_FALSE(selects(R"({"t":{"eq":1}})", document));
  EXPECT_TRUE(selects(R"({"z":{"eq":null}})", document));
  EXPECT_TRUE(selects(R"({"a":{"eq":[1,2.0]},"o":{"eq":{"x":1}}})", document));
  EXPECT_FALSE(selects(R"({"a":{"eq":[2,1]}})", document));
  EXPECT_TRUE(selects(R"({"p":{"eq":{"x":1,"y":2}}})", R"({"p":{"y":2.0,"x":1}})"));
  EXPECT_TRUE(selects(R"({"n":5,"s":"5","z":null,"a":[1,2]})", document));
  EXPECT_TRUE(selects(R"({"n":{"gte":5,"lte":5,"gt":4.99,"lt":5.01}})", document));
  EXPECT_FALSE(selects(R"({"s":{"gt":4}})", document));
  EXPECT_FALSE(selects(R"({"n":{"gt":"4"}})", document));
  EXPECT_TRUE(selects(R"({"n":{"between":[5,6]},"s":{"between":["4","5"]}})", document));
  EXPECT_FALSE(selects(R"({"n":{"between":[6,5]}})", document));
}

TEST(FilterTest, KnowsLargeNumbersApart) {
  EXPECT_FALSE(selects(R"({"n":9007199254740993})", R"({"n":9007199254740992})"));
  EXPECT_FALSE(selects(R"({"n":{"gt":9007199254740992.0}})", R"({"n":9007199254740992})"));
  EXPECT_TRUE(selects(R"({"n":{"gt":9007199254740992.0}})", R"({"n":9007199254740993})"));
  EXPECT_TRUE(selects(R"({"n":{"lt":1e400}})", R"({"n":18446744073709551615})"));
  EXPECT_TRUE(selects(R"({"n":0})", R"({"n":-0})"));
}

TEST(FilterTest, AMissingValueHoldsForNegationsOnly) {
  for (const char* holds :
       {R"({"x":{"ne":1}})", R"({"x":{"nin":[1]}})", R"({"x":{"exists":false}})",
        R"({"x":{"is_null":true}})", R"({"not":{"x":1}})", R"({"x":{"not":{"gt":1}}})",
        R"({"x":{"nin":[]}})", R"({"x.y":{"ne":1}})"}) {
    EXPECT_TRUE(selects(holds, "{}")) << holds;
  }
  for (const char* fails :
       {R"({"x":{"eq":1}})", R"({"x":null})", R"({"x":{"in":[null]}})", R"({"x":{"exists":true}})",
        R"({"x":{"is_null":false}})", R"({"x":{"lt":1}})", R"({"x":{"like":"%"}})",
        R"({"x":{"contains":""}})", R"({"x":{"all":{"gt":0}}})", R"({"x":{"any":{"ne":0}}})"}) {
    EXPECT_FALSE(selects(fails, "{}")) << fails;
  }
  EXPECT_TRUE(selects(R"({"x":{"is_null":true,"exists":true}})", R"({"x":null})"));
  EXPECT_FALSE(selects(R"({"x":{"is_null":false}})", R"({"x":null})"));
}

TEST(FilterTest, ListsTextsAndElements) {
  EXPECT_TRUE(selects(R"({"c":{"in":["Rome","Oslo",3]}})", R"({"c":3.0})"));
  EXPECT_FALSE(selects(R"({"c":{"in":[]}})", R"({"c":3})"));
  EXPECT_FALSE(selects(R"({"c":{"nin":["Rome","Oslo"]}})", R"({"c":"Oslo"})"));
  EXPECT_TRUE(selects(R"({"c":{"contains":"sl"}})", R"({"c":"Oslo"})"));
  EXPECT_TRUE(selects(R"({"c":{"contains":2}})", R"({"c":[1,2]})"));
  EXPECT_FALSE(selects(R"({"c":{"contains":2}})", R"({"c":"2"})"));
  EXPECT_TRUE(selects(R"({"c":{"prefix":"Os"}})", R"({"c":"Oslo"})"));
  EXPECT_FALSE(selects(R"({"c":{"prefix":"os"}})", R"({"c":"Oslo"})"));
  EXPECT_TRUE(selects(R"({"c":{"any":{"gt":4}}})", R"({"c":[1,5]})"));
  EXPECT_FALSE(selects(R"({"c":{"all":{"gt":4}}})", R"({"c":[1,5]})"));
  EXPECT_TRUE(selects(R"({"c":{"all":{"gt":4}}})", R"({"c":[]})"));
  EXPECT_TRUE(selects(R"({"i":{"any":{"price":{"lt":3},"sold":false}}})",
                      R"({"i":[{"price":2,"sold":true},{"price":1,"sold":false}]})"));
  EXPECT_FALSE(selects(R"({"i":{"any":{"price":{"lt":2},"sold":true}}})",
                       R"({"i":[{"price":2,"sold":true},{"price":1,"sold":false}]})"));
  EXPECT_TRUE(selects(R"({"i.0.price":2})", R"({"i":[{"price":2}]})"));
  EXPECT_TRUE(selects(R"({"c":{"any":{"or":[{"eq":1},{"eq":9}]}}})", R"({"c":[8,9]})"));
}

TEST(FilterTest, FieldsMayBeCalledAsCombinatorsAre) {
  EXPECT_TRUE(selects(R"({"$.or":1,"$.eq":{"gt":1}})", R"({"or":1,"eq":2})"));
  EXPECT_TRUE(selects(R"({"eq":2})", R"({"eq":2})"));
}

TEST(FilterTest, LikeKnowsCharactersAndEscapes) {
  const auto like = [](std::string_view text, std::string_view pattern) {
    return matches_like(text, pattern, Case::kExact);
  };
  EXPECT_TRUE(like("", "") && like("", "%") && like("abc", "a%c") && like("abc", "%"));
  EXPECT_TRUE(like("abc", "a_c") && !like("abc", "a_") && !like("abc", "b%"));
  EXPECT_TRUE(like("h\u00e9llo", "h_llo") && like("\U0001F600!", "_!") && !like("\u00e9", "__"));
  EXPECT_FALSE(like("\u20ac", "%__"));
  EXPECT_TRUE(like("50%", "50\\%") && !like("50x", "50\\%") && like("a_b", "a\\_b"));
  EXPECT_TRUE(like("a\\", "a\\\\") && like("a\\", "a\\"));
  EXPECT_TRUE(selects(R"({"s":{"ilike":"oS%"}})", R"({"s":"OsLO"})"));
  EXPECT_FALSE(selects(R"({"s":{"like":"oS%"}})", R"({"s":"OsLO"})"));
}

// With backtracking over every '%' this would not end.
TEST(FilterTest, LikeIsNotExponential) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "%a";
  EXPECT_FALSE(matches_like(std::string(100'000, 'a') + "c", pattern + "b", Case::kExact));
  EXPECT_TRUE(matches_like(std::string(100'000, 'a') + "b", pattern + "b", Case::kExact));
}

TEST(FilterTest, ARefusalNamesThePlace) {
  EXPECT_EQ(refusal(R"({"or":[{"a":1},{"age":{"gt":[]}}]})"),
            "'filter.or[1].age.gt' expects a number, string or boolean");
  EXPECT_EQ(refusal(R"({"age":{"more":1}})"),
            "'filter.age.more' is no test; a field inside is named by a dotted path");
  EXPECT_EQ(refusal(R"({"a..b":1})"), "'filter.a..b' is no path: 1 to 512 bytes, no empty segment");
  EXPECT_EQ(refusal(R"({"a":{"between":[1,"x"]}})"),
            "'filter.a.between' expects two values of one type");
  EXPECT_EQ(refusal(R"({"a":{"between":[1]}})"), "'filter.a.between' expects [lower, upper]");
  EXPECT_EQ(refusal(R"({"a":{"exists":1}})"), "'filter.a.exists' expects true or false");
  EXPECT_EQ(refusal(R"({"a":{"like":1}})"), "'filter.a.like' expects a string");
  EXPECT_EQ(refusal(R"({"a":{"in":1}})"), "'filter.a.in' expects an array of values");
  EXPECT_EQ(refusal(R"({"and":[]})"), "'filter.and' expects at least one filter");
  EXPECT_EQ(refusal(R"({"not":1})"), "'filter.not' expects an object");
  EXPECT_EQ(refusal("[]"), "'filter' expects an object");
  EXPECT_EQ(refusal(R"({"a":1e9999999999})"),
            "'filter.a' has a value that cannot be kept: a number's exponent is beyond 999999999");
  EXPECT_EQ(refusal(R"({"a":1}})"), "'filter' is not JSON: text behind its end");
  EXPECT_LT(refusal("{\"" + std::string(500, 'p') + "\":{\"gt\":null}}").size(), 256u);
}

TEST(FilterTest, IsBounded) {
  const auto nested = [](int depth) {
    std::string text = "{\"a\":1}";
    for (int i = 1; i < depth; ++i) text = "{\"not\":" + text + "}";
    return text;
  };
  const auto terms = [](std::size_t count) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "\"f\":1" : ",\"f\":1");
    return text + "}";
  };
  const auto list = [](std::size_t count) {
    std::string text = R"({"f":{"in":[0)";
    for (std::size_t i = 1; i < count; ++i) text += ",0";
    return text + "]}}";
  };
  EXPECT_FALSE(selects(nested(kDepthMax), R"({"a":1})"));
  EXPECT_NE(refusal(nested(kDepthMax + 1)).find("nested deeper than 16"), std::string::npos);
  EXPECT_TRUE(selects(terms(kTermsMax), R"({"f":1})"));
  EXPECT_NE(refusal(terms(kTermsMax + 1)).find("more than 256 terms"), std::string::npos);
  EXPECT_TRUE(selects(list(kListMax), R"({"f":0})"));
  EXPECT_NE(refusal(list(kListMax + 1)).find("more than 1000 values"), std::string::npos);
  const std::string longest(kPatternBytesMax, 'x');
  EXPECT_FALSE(selects(R"({"f":{"like":")" + longest + "\"}}", R"({"f":"x"})"));
  refusal(R"({"f":{"like":"x)" + longest + "\"}}");
  refusal("{\"f\":\"" + std::string(kTextBytesMax, 'x') + "\"}");
}

TEST(FilterTest, RandomFiltersAgreeWithTheModel) {
  RandomJson random(20260101);
  int selected = 0;
  constexpr int kRounds = 20'000;
  for (int round = 0; round < kRounds; ++round) {
    const Json filter = random.filter(3, false);
    const Json document = random.document();
    const bool expected = model_object(filter, &document, false);
    ASSERT_EQ(selects(filter.dump(), document.dump()), expected) << filter << " on " << document;
    selected += expected ? 1 : 0;
  }
  // Neither answer is the rare one.
  EXPECT_GT(selected, kRounds / 10);
  EXPECT_LT(selected, kRounds * 9 / 10);
}

}  // namespace
}  // namespace stator::filter
