// Plain C++: the reference the others are tested against.
#include "distance/distance.h"

namespace stator::vector {
namespace {

// Independent sums, so that additions need not wait for one another.
constexpr std::size_t kSums = 8;

float total(const float (&sums)[kSums]) {
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

float squared_l2(const float* a, const float* b, std::size_t count) {
  float sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (std::size_t k = 0; k < kSums; ++k) {
      const float difference = a[i + k] - b[i + k];
      sums[k] += difference * difference;
    }
  }
  for (; i < count; ++i) {
    const float difference = a[i] - b[i];
    sums[i % kSums] += difference * difference;
  }
  return total(sums);
}

float dot(const float* a, const float* b, std::size_t count) {
  float sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (std::size_t k = 0; k < kSums; ++k) sums[k] += a[i + k] * b[i + k];
  }
  for (; i < count; ++i) sums[i % kSums] += a[i] * b[i];
  return total(sums);
}

}  // namespace

const DistanceKernels kScalarKernels = {"scalar", squared_l2, dot};

}  // namespace stator::vector
