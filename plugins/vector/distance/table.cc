#include "distance/distance.h"

namespace stator::vector {
namespace {

struct Choice {
  const DistanceKernels* kernels;
  bool (*is_usable)();
};

constexpr Choice kChoices[] = {
    {&kScalarKernels, [] { return true; }},
#if defined(__x86_64__)
    {&kAvx2Kernels,
     [] { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }},
#endif
};

}  // namespace

const DistanceKernels* usable_kernels(std::size_t index) {
  for (const Choice& choice : kChoices) {
    if (!choice.is_usable()) continue;
    if (index == 0) return choice.kernels;
    --index;
  }
  return nullptr;
}

const DistanceKernels& distance_kernels() {
  static const DistanceKernels* const kFastest = [] {
    const DistanceKernels* fastest = &kScalarKernels;
    for (const Choice& choice : kChoices) {
      if (choice.is_usable()) fastest = choice.kernels;
    }
    return fastest;
  }();
  return *kFastest;
}

}  // namespace stator::vector
