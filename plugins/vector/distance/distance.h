// Distance kernels: one table a processor kind, chosen once at load.
//
// Sums are float32. Callers keep squared norms below the bound of collection/rule.h, so no sum
// overflows. Kernels take any length and alignment; they are fastest on 64-byte aligned rows whose
// length is a multiple of 16. Kinds differ in the order of summation, so in the last bits.
//
// This header is included by files that are compiled for a newer processor: it must not define
// inline functions, or the linker could keep such a copy for everybody.
#pragma once

#include <cstddef>

namespace stator::vector {

struct DistanceKernels {
  const char* name;
  // Sum of (a[i] - b[i])^2.
  float (*squared_l2)(const float* a, const float* b, std::size_t count);
  // Sum of a[i] * b[i].
  float (*dot)(const float* a, const float* b, std::size_t count);
};

extern const DistanceKernels kScalarKernels;
extern const DistanceKernels kAvx2Kernels;  // x86-64 only

// The table by number, or nullptr behind the last one that this processor can run. Table 0 is
// scalar; later ones are faster.
const DistanceKernels* usable_kernels(std::size_t index);

// The fastest usable table.
const DistanceKernels& distance_kernels();

}  // namespace stator::vector
