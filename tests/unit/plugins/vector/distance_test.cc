#include "distance/distance.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace stator::vector {
namespace {

struct Pair {
  std::vector<float> a;
  std::vector<float> b;
};

Pair random_pair(std::mt19937_64& random, std::size_t size) {
  std::normal_distribution<float> normal;
  Pair pair;
  for (std::size_t i = 0; i < size; ++i) {
    pair.a.push_back(normal(random));
    pair.b.push_back(normal(random));
  }
  return pair;
}

TEST(DistanceTest, EveryTableEqualsTheSumInDoubleAtEveryLengthAndAlignment) {
  std::mt19937_64 random(7);
  ASSERT_NE(usable_kernels(0), nullptr);
  for (std::size_t length = 0; length <= 131; ++length) {
    const std::size_t shift = length % 5;
    const Pair pair = random_pair(random, length + 2 * shift);
    const float* const a = pair.a.data() + shift;
    const float* const b = pair.b.data() + 2 * shift;
    double l2 = 0;
    double dot = 0;
    double magnitude = 0;
    for (std::size_t i = 0; i < length; ++i) {
      l2 += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
      dot += double{a[i]} * double{b[i]};
      magnitude += std::abs(double{a[i]} * double{b[i]});
    }
    const DistanceKernels* kernels = nullptr;
    for (std::size_t i = 0; (kernels = usable_kernels(i)) != nullptr; ++i) {
      SCOPED_TRACE(std::string(kernels->name) + ", length " + std::to_string(length));
      EXPECT_NEAR(kernels->squared_l2(a, b, length), l2, 1e-5 * (l2 + 1e-6));
      EXPECT_NEAR(kernels->dot(a, b, length), dot, 1e-5 * (magnitude + 1e-6));
    }
  }
}

TEST(DistanceTest, EveryTableIsExactOnSmallWholeNumbers) {
  std::mt19937_64 random(8);
  std::uniform_int_distribution<int> byte(0, 255);
  std::vector<float> a(128);
  std::vector<float> b(128);
  std::int64_t l2 = 0;
  std::int64_t dot = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int x = byte(random);
    const int y = byte(random);
    a[i] = static_cast<float>(x);
    b[i] = static_cast<float>(y);
    l2 += (x - y) * (x - y);
    dot += x * y;
  }
  const DistanceKernels* kernels = nullptr;
  for (std::size_t i = 0; (kernels = usable_kernels(i)) != nullptr; ++i) {
    EXPECT_EQ(kernels->squared_l2(a.data(), b.data(), a.size()), static_cast<float>(l2));
    EXPECT_EQ(kernels->dot(a.data(), b.data(), a.size()), static_cast<float>(dot));
  }
}

TEST(DistanceTest, TheTableInUseIsTheLastUsableOne) {
  std::size_t count = 0;
  while (usable_kernels(count) != nullptr) ++count;
  EXPECT_EQ(&distance_kernels(), usable_kernels(count - 1));
}

}  // namespace
}  // namespace stator::vector
