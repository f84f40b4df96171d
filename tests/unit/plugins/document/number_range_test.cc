// aggregate/number_range.h, pass by pass, against sorted numbers.
#include "aggregate/number_range.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace stator::document {
namespace {

double sorted_percentile(std::vector<double> numbers, double fraction) {
  std::sort(numbers.begin(), numbers.end());
  const double place = fraction * static_cast<double>(numbers.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double share = place - std::floor(place);
  return share == 0 ? numbers[below] : std::lerp(numbers[below], numbers[below + 1], share);
}

// One pass: the numbers dealt to lanes, every second of which has no room to keep them.
bool pass(const std::vector<double>& numbers, std::size_t lanes, double fraction, PlaceRange& range,
          double& found) {
  std::string parts;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    NumberRange one(range);
    for (std::size_t i = lane; i < numbers.size(); i += lanes) {
      one.add(numbers[i]);
      if (lane % 2 == 0) one.fold();
    }
    one.save(parts);
  }
  NumberRange all(range);
  std::string_view rest = parts;
  for (std::size_t lane = 0; lane < lanes; ++lane) EXPECT_TRUE(all.merge(rest));
  EXPECT_TRUE(rest.empty());
  return all.find(fraction, found, range);
}

double find_in_passes(const std::vector<double>& numbers, std::size_t lanes, double fraction,
                      int& passes) {
  PlaceRange range;
  double found = 0;
  for (passes = 1; passes < 10 && !pass(numbers, lanes, fraction, range, found); ++passes) {
    EXPECT_TRUE(range.is_valid()) << range.shift;
  }
  return found;
}

void expect_all_found(const std::vector<double>& numbers) {
  for (const double fraction : {0.0, 0.001, 0.25, 0.5, 0.77, 0.9999, 1.0}) {
    for (const std::size_t lanes : {1u, 2u, 3u}) {
      int passes = 0;
      EXPECT_EQ(find_in_passes(numbers, lanes, fraction, passes),
                sorted_percentile(numbers, fraction))
          << fraction << " on " << lanes;
      EXPECT_LE(passes, 5);
    }
  }
}

constexpr std::size_t kMany = 40'000;  // more than counts take

TEST(NumberRangeTest, FindsWhatASortFinds) {
  std::mt19937_64 random(1);
  std::vector<double> wide;
  std::vector<double> whole;
  std::vector<double> near;  // neighbours among doubles, on both sides of a stretch
  double next = 1.0;
  for (std::size_t i = 0; i < kMany; ++i) {
    const auto exponent = static_cast<int>(random() % 1200) - 600;
    wide.push_back(std::ldexp(static_cast<double>(random()), exponent) *
                   (random() % 2 == 0 ? 1 : -1));
    whole.push_back(static_cast<double>(random() % 1000) - 500);
    near.push_back(i % 2 == 0 ? next : -next);
    next = std::nextafter(next, i < kMany / 2 ? 0.0 : 2.0);
  }
  std::shuffle(near.begin(), near.end(), random);
  expect_all_found(wide);
  expect_all_found(whole);
  expect_all_found(near);
}

TEST(NumberRangeTest, TheFifthPassKnowsTheNumber) {
  std::vector<double> same(kMany, 0.1);
  int passes = 0;
  EXPECT_EQ(find_in_passes(same, 1, 0.5, passes), 0.1);
  EXPECT_EQ(passes, 5);
  same.back() = std::numeric_limits<double>::infinity();
  EXPECT_EQ(find_in_passes(same, 1, 1, passes), std::numeric_limits<double>::infinity());
  EXPECT_EQ(find_in_passes(same, 1, 0, passes), 0.1);
}

TEST(NumberRangeTest, MinusZeroIsZero) {
  int passes = 0;
  std::vector<double> zeros(kMany, -0.0);
  zeros[7] = 0.0;
  EXPECT_FALSE(std::signbit(find_in_passes(zeros, 1, 0.5, passes)));
}

// The numbers between two passes are others: it ends, with the nearest of the range.
TEST(NumberRangeTest, ARankThatHasLeftTheRangeIsItsNearest) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < kMany; ++i) numbers.push_back(static_cast<double>(i));
  PlaceRange range;
  double found = 0;
  ASSERT_FALSE(pass(numbers, 1, 0.5, range, found));
  // The range is 16384 to 24575; what is wanted now lies below, then above it.
  auto more = numbers;
  more.insert(more.end(), kMany, -1.0);
  const PlaceRange chosen = range;
  while (!pass(more, 2, 0.25, range, found)) ASSERT_TRUE(range.is_valid());
  EXPECT_EQ(found, 16384);
  range = chosen;
  more = numbers;
  more.insert(more.end(), 3 * kMany, 1e9);
  while (!pass(more, 2, 0.5, range, found)) ASSERT_TRUE(range.is_valid());
  EXPECT_EQ(found, 24575);
  range = chosen;
  ASSERT_TRUE(pass({-1, -2, 1e9}, 1, 0.9, range, found));
  EXPECT_NEAR(found, 8e8, 1e8) << "nothing is left in it";
}

TEST(NumberRangeTest, TakesOnlyRangesThatAPassCanSay) {
  EXPECT_TRUE((PlaceRange{0, 64}.is_valid()));
  EXPECT_TRUE((PlaceRange{8191, 51}.is_valid()));
  EXPECT_TRUE((PlaceRange{5, 12}.is_valid()));
  EXPECT_FALSE((PlaceRange{8192, 51}.is_valid()));
  EXPECT_FALSE((PlaceRange{1, 64}.is_valid()));
  EXPECT_FALSE((PlaceRange{0, 0}.is_valid()));
  EXPECT_FALSE((PlaceRange{0, 50}.is_valid()));
  EXPECT_FALSE((PlaceRange{0, 1'000'000}.is_valid()));
}

}  // namespace
}  // namespace stator::document
