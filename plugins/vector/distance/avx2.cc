// AVX2 and FMA (Intel Intrinsics Guide). Four sums of eight lanes hide the latency of the fused
// multiply-add; the tail is scalar.
#include "distance/distance.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace stator::vector {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kStep = 4 * kLanes;

float total(__m256 sums) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

__m256 add_squared_difference(const float* a, const float* b, __m256 sums) {
  const __m256 difference = _mm256_sub_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b));
  return _mm256_fmadd_ps(difference, difference, sums);
}

__m256 add_product(const float* a, const float* b, __m256 sums) {
  return _mm256_fmadd_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), sums);
}

template <__m256 (*kAdd)(const float*, const float*, __m256)>
float sum_blocks(const float* a, const float* b, std::size_t blocks) {
  __m256 sums0 = _mm256_setzero_ps();
  __m256 sums1 = sums0;
  __m256 sums2 = sums0;
  __m256 sums3 = sums0;
  const std::size_t count = blocks * kLanes;
  std::size_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    sums0 = kAdd(a + i, b + i, sums0);
    sums1 = kAdd(a + i + kLanes, b + i + kLanes, sums1);
    sums2 = kAdd(a + i + 2 * kLanes, b + i + 2 * kLanes, sums2);
    sums3 = kAdd(a + i + 3 * kLanes, b + i + 3 * kLanes, sums3);
  }
  for (; i < count; i += kLanes) sums0 = kAdd(a + i, b + i, sums0);
  return total(_mm256_add_ps(_mm256_add_ps(sums0, sums1), _mm256_add_ps(sums2, sums3)));
}

float squared_l2(const float* a, const float* b, std::size_t count) {
  const std::size_t blocks = count / kLanes;
  float sum = sum_blocks<add_squared_difference>(a, b, blocks);
  for (std::size_t i = blocks * kLanes; i < count; ++i) {
    const float difference = a[i] - b[i];
    sum += difference * difference;
  }
  return sum;
}

float dot(const float* a, const float* b, std::size_t count) {
  const std::size_t blocks = count / kLanes;
  float sum = sum_blocks<add_product>(a, b, blocks);
  for (std::size_t i = blocks * kLanes; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

const DistanceKernels kAvx2Kernels = {"avx2", squared_l2, dot};

}  // namespace stator::vector

#endif
