// Which known name is meant by one that is unknown.
#include "base/nearest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace stator {
namespace {

TEST(NearestTest, IsTheOneWithTheFewestEdits) {
  EXPECT_EQ(nearest_name("point_gte", {"point_put", "point_get", "ping"}), "point_get");
  EXPECT_EQ(nearest_name("pin", {"ping", "pong"}), "ping");
  EXPECT_EQ(nearest_name("point_get", {"point_get"}), "point_get");
  EXPECT_EQ(nearest_name("ab", {"ax", "ay"}), "ax") << "the first of equals";
}

TEST(NearestTest, WhatIsTooDifferentIsNotMeant) {
  EXPECT_EQ(nearest_name("x", {"point_get", "abc"}), "");
  EXPECT_EQ(nearest_name("", {"a", "ab"}), "a") << "one edit";
  EXPECT_EQ(nearest_name(std::string(64, 'a'), {std::string(87, 'a')}), "");
  EXPECT_EQ(nearest_name(std::string(64, 'a'), {std::string(86, 'a')}), std::string(86, 'a'));
  EXPECT_EQ(nearest_name(std::string(65, 'a'), {std::string(65, 'a')}), "") << "no typing error";
  EXPECT_EQ(nearest_name("a", {}), "");
}

// As the textbook has it, without what ends it early.
std::size_t distance(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const std::size_t same = a[0] == b[0] ? 0 : 1;
  return std::min({distance(a.substr(1), b) + 1, distance(a, b.substr(1)) + 1,
                   distance(a.substr(1), b.substr(1)) + same});
}

TEST(NearestTest, AgreesWithTheDefinition) {
  std::mt19937 random(1);
  const auto word = [&] {
    std::string out(random() % 7, 'a');
    for (char& letter : out) letter = static_cast<char>('a' + random() % 3);
    return out;
  };
  for (int round = 0; round < 300; ++round) {
    const std::string name = word();
    const std::vector<std::string> known = {word(), word(), word()};
    std::size_t best = name.size() / 3 + 2;
    std::string expected;
    for (const std::string& one : known) {
      if (distance(name, one) >= best) continue;
      best = distance(name, one);
      expected = one;
    }
    ASSERT_EQ(nearest_name(name, known), expected) << name;
  }
}

}  // namespace
}  // namespace stator
