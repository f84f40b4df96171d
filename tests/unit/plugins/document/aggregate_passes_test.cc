// document_aggregate over a group whose values exceed the room of a lane: it takes several pages,
// and is exact.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "document_fixture.h"
#include "support/sanitizer.h"

namespace stator::document {
namespace {

using testkit::Answer;

// Leaves some 480 KB of the 8 MiB where `max` keeps it.
constexpr std::size_t kFillerBytes = 7'900'000;

class AggregatePassesTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  // On each lane one.
  void fill_lanes(const std::string& group) {
    const std::string data = R"({"g":)" + group + R"(,"t":")" + std::string(kFillerBytes, 't');
    for (std::uint32_t i = 0; i < 3 * GetParam(); ++i) {
      documents.put("filler" + std::to_string(i), data + "\"}");
    }
  }
  Answer page(const std::string& cursor) {
    return documents.kernel.call("document_aggregate",
                                 "{" + args + R"(,"limit":100)" + cursor + "}");
  }
  // All pages; `between` is called before each that is not the first.
  template <class Between>
  std::vector<std::string> groups_of(Between&& between) {
    std::vector<std::string> groups;
    std::string cursor;
    for (pages = 0; pages < 100;) {
      const Answer answer = page(cursor);
      EXPECT_EQ(answer.status, STATOR_OK) << answer.detail;
      ++pages;
      for (std::string& group : elements(member(answer.payload, "groups"))) {
        groups.push_back(std::move(group));
      }
      if (answer.more.empty()) break;
      cursor = ",\"cursor\":" + to_json(answer.more);
      between();
    }
    EXPECT_LT(pages, 100u);
    return groups;
  }
  std::vector<std::string> groups_of() {
    return groups_of([] {});
  }

  Documents documents{GetParam()};
  std::string args;
  std::size_t pages = 0;
};
// Rooms are filled on each lane, which a sanitizer makes long.
const std::vector<unsigned> kLanes =
    test::kSanitized ? std::vector{1u, 2u} : std::vector{1u, 2u, 5u};
INSTANTIATE_TEST_SUITE_P(Lanes, AggregatePassesTest, testing::ValuesIn(kLanes));

// Some value of that number, in one of the forms that are equal.
std::string value_of(std::uint64_t number, std::uint64_t form) {
  const std::string digits = std::to_string(number);
  switch (number % 5) {
    case 0:
      return form % 2 == 0 ? digits : digits + "0e-1";
    case 1:
      return "\"" + digits + "\"";
    case 2:
      return form % 2 == 0 ? R"({"a":)" + digits + R"(,"b":[true]})"
                           : R"({"b":[true],"a":)" + digits + ".0}";
    case 3:
      return "[" + digits + (form % 2 == 0 ? ",{}]" : ".0,{}]");
    default:
      return digits + std::string(40, '7') + (form % 2 == 0 ? "" : ".0");
  }
}

std::string number_of(std::mt19937_64& random) {
  const std::string digits = std::to_string(random() % 1'000'000);
  switch (random() % 6) {
    case 0:
      return "-" + digits;
    case 1:
      return digits + "." + digits;
    case 2:
      return "-0.000" + digits;
    case 3:
      return digits + "e" + std::to_string(random() % 200);
    case 4:
      return random() % 2 == 0 ? "-0" : "17";
    default:
      return digits;
  }
}

double percentile_of(std::vector<double> numbers, double fraction) {
  std::sort(numbers.begin(), numbers.end());
  const double place = fraction * static_cast<double>(numbers.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double share = place - std::floor(place);
  return share == 0 ? numbers[below] : std::lerp(numbers[below], numbers[below + 1], share);
}

TEST_P(AggregatePassesTest, CountsAndPercentilesAreThoseOfAModel) {
  struct Model {
    std::set<std::uint64_t> different;
    std::vector<double> numbers;
  };
  constexpr double kFractions[] = {0, 0.1, 0.5, 0.731, 1};
  std::mt19937_64 random(GetParam());
  std::map<std::string, Model> model;
  const std::string keys[] = {"1", "\"b\"", "\"c\""};
  const unsigned count = 12'000 * GetParam();
  for (unsigned i = 0; i < count; ++i) {
    const std::string& key = keys[random() % 8 == 0 ? 1 + random() % 2 : 0];
    const std::uint64_t value = 1 + random() % (count / 4);
    const std::string number = number_of(random);
    documents.put(
        "d" + std::to_string(i),
        R"({"g":)" + key + R"(,"v":)" + value_of(value, random()) + R"(,"n":)" + number + "}");
    model[key].different.insert(value);
    model[key].numbers.push_back(std::stod(number));
  }
  fill_lanes("1");
  args = R"("aggs":{"k":{"count_distinct":"v"},"c":{"count":"v"},"t":{"max":"t"})";
  for (const double fraction : kFractions) {
    const std::string name = std::to_string(fraction);
    args += ",\"" + name + R"(":{"percentile":["n",)" + name + "]}";
  }
  args += R"(,"again":{"count_distinct":"v"}},"group_by":["g"])";

  const auto groups = groups_of();
  EXPECT_GT(pages, 2u);
  ASSERT_EQ(groups.size(), model.size());
  for (const std::string& group : groups) {
    const Model& expected = model[member(member(group, "key"), "g")];
    const std::string values = member(group, "values");
    const std::string different = std::to_string(expected.different.size());
    EXPECT_EQ(member(values, "k"), different);
    EXPECT_EQ(member(values, "again"), different);
    EXPECT_EQ(member(values, "c"), std::to_string(expected.numbers.size()));
    for (const double fraction : kFractions) {
      EXPECT_EQ(std::stod(member(values, std::to_string(fraction))),
                percentile_of(expected.numbers, fraction))
          << fraction;
    }
  }
}

// 20 MB of texts a lane, and nothing else.
TEST_P(AggregatePassesTest, DifferentTextsTakeAsManyPassesAsTheyFillRooms) {
  const int count = 2000 * static_cast<int>(GetParam());
  const std::string text(10'000, 'x');
  for (int i = 0; i < count; ++i) {
    documents.put("d" + std::to_string(i), R"({"v":")" + text + std::to_string(i / 2) + "\"}");
  }
  args = R"("aggs":{"k":{"count_distinct":"v"},"n":{"count":"*"}})";
  const auto groups = groups_of();
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0], R"({"key":{},"values":{"k":)" + std::to_string(count / 2) + R"(,"n":)" +
                           std::to_string(count) + "}}");
  EXPECT_GE(pages, 2u);
  EXPECT_LE(pages, 5u);
}

// 16 percentiles of 70,000 numbers are 9 MB, on one lane or on all together.
TEST_P(AggregatePassesTest, NumbersOfAllLanesTakeAFewPasses) {
  constexpr int kCount = 70'000;
  for (int i = 0; i < kCount; ++i) {
    documents.put("d" + std::to_string(i), R"({"n":)" + std::to_string((i * 7919) % kCount) + "}");
  }
  args = R"("aggs":{)";
  for (int i = 0; i < 16; ++i) {
    args += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + R"(":{"percentile":["n",)" +
            std::to_string(i / 16.0) + "]}";
  }
  args += "}";
  const Answer whole = documents.kernel.call("document_aggregate", "{" + args + "}");
  EXPECT_EQ(whole.status, STATOR_E_RESOURCES_EXHAUSTED) << whole.payload.substr(0, 200);
  EXPECT_EQ(whole.field, "limit");
  const auto groups = groups_of();
  ASSERT_EQ(groups.size(), 1u);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(std::stod(member(member(groups[0], "values"), "p" + std::to_string(i))),
              (kCount - 1) * i / 16.0);
  }
  EXPECT_LE(pages, 5u);
}

// Nobody's passes go on for ever, and what they count was there in one of them.
TEST_P(AggregatePassesTest, WritesBetweenPagesChangeOnlyWhatTheyTouch) {
  const int count = 4000 * static_cast<int>(GetParam());
  const auto put = [&](int i, int number) {
    documents.put("d" + std::to_string(i), R"({"g":1,"v":")" + std::string(400, 'v') +
                                               std::to_string(i) + R"(","n":)" +
                                               std::to_string(number) + "}");
  };
  for (int i = 0; i < count; ++i) put(i, i);
  fill_lanes("1");
  args = R"("aggs":{"k":{"count_distinct":"v"},"p":{"percentile":["n",0.5]},)"
         R"("t":{"max":"t"}},"group_by":["g"])";
  int moved = 0;
  const auto groups = groups_of([&] { put(moved++, -1'000'000); });
  ASSERT_EQ(groups.size(), 1u);
  ASSERT_GT(pages, 2u);
  const std::string values = member(groups[0], "values");
  EXPECT_EQ(member(values, "k"), std::to_string(count)) << "the values stayed as they were";
  EXPECT_NEAR(std::stod(member(values, "p")), (count - 1) / 2.0, moved + 1);
}

TEST_P(AggregatePassesTest, AGroupThatIsGoneHasNoAnswer) {
  const int count = 4000 * static_cast<int>(GetParam());
  for (int i = 0; i < count; ++i) {
    documents.put("d" + std::to_string(i),
                  R"({"g":1,"v":")" + std::string(150, 'v') + std::to_string(i) + "\"}");
  }
  documents.put("other", R"({"g":2,"v":5})");
  fill_lanes("1");
  args = R"("aggs":{"k":{"count_distinct":"v"},"t":{"max":"t"}},"group_by":["g"])";
  const auto groups = groups_of([&] {
    for (int i = 0; i < count; ++i) documents.erase("d" + std::to_string(i));
    for (std::uint32_t i = 0; i < 3 * GetParam(); ++i)
      documents.erase("filler" + std::to_string(i));
  });
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0], R"({"key":{"g":2},"values":{"k":1,"t":null}})");
}

TEST_P(AggregatePassesTest, ACursorWithinAGroupIsOfTheseAggregates) {
  const int count = 4000 * static_cast<int>(GetParam());
  for (int i = 0; i < count; ++i) {
    documents.put("d" + std::to_string(i),
                  R"({"v":")" + std::string(150, 'v') + std::to_string(i) + "\"}");
  }
  fill_lanes("1");
  args = R"("aggs":{"k":{"count_distinct":"v"},"t":{"max":"t"}})";
  const Answer first = page("");
  EXPECT_EQ(member(first.payload, "groups"), "[]");
  ASSERT_FALSE(first.more.empty());
  const std::string cursor = ",\"cursor\":" + to_json(first.more);
  // Behind head (18 digits), size of the tie (4) and the fingerprint of aggs (16): whether it is
  // done.
  std::string spoiled = first.more;
  ASSERT_EQ(spoiled.substr(38, 2), "00");
  for (const char* neither : {"02", "80", "ff"}) {
    spoiled.replace(38, 2, neither);
    const Answer answer = page(",\"cursor\":" + to_json(spoiled));
    EXPECT_EQ(answer.status, STATOR_E_BAD_REQUEST) << neither;
    EXPECT_EQ(answer.field, "cursor");
  }
  args = R"("aggs":{"k":{"count_distinct":"w"},"t":{"max":"t"}})";
  const Answer other = page(cursor);
  EXPECT_EQ(other.status, STATOR_E_BAD_REQUEST);
  EXPECT_EQ(other.detail, "'cursor' is not one of these aggs");
}

// It was refused one page too early, with the groups that were there. A lane has room for half of
// the texts.
TEST(AggregatePageTest, AGroupThatIsTooLargeIsRefusedWhenItComes) {
  Documents documents(2);
  std::string args = R"({"aggs":{)";
  for (int i = 0; i < 8; ++i) {
    const std::string path = "t" + std::to_string(i);
    args += (i == 0 ? "\"" : ",\"") + path + R"(":{"max":")" + path + "\"}";
    documents.put(path, R"({"g":"b",")" + path + "\":\"" + std::string(1'500'000, 't') + "\"}");
  }
  args += R"(},"group_by":["g"],"limit":5)";
  documents.put("a", R"({"g":"a","t0":1})");
  documents.put("c", R"({"g":"c"})");
  const Answer first = documents.kernel.call("document_aggregate", args + "}");
  ASSERT_EQ(first.status, STATOR_OK) << first.detail;
  EXPECT_EQ(elements(member(first.payload, "groups")).size(), 1u);
  const Answer next = documents.kernel.call("document_aggregate",
                                            args + ",\"cursor\":" + to_json(first.more) + "}");
  EXPECT_EQ(next.status, STATOR_E_RESOURCES_EXHAUSTED);
  EXPECT_EQ(next.field, "aggs");
}

}  // namespace
}  // namespace stator::document
