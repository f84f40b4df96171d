// How much of a test with a seed is run: STATOR_SEED=N that one, STATOR_SEEDS=N or STATOR_ROUNDS=N so
// many (make torture), else what fits into CI.
#pragma once

#include <cstdlib>
#include <numeric>
#include <vector>

#include "support/sanitizer.h"

namespace stator::test {

// The environment's `name`, or `otherwise`.
inline unsigned number_of(const char* name, unsigned otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : static_cast<unsigned>(std::atoi(given));
}

inline bool is_one_seed() { return std::getenv("STATOR_SEED") != nullptr; }

// One seed, or the first so many; `usual` of them, and a fourth of that with a sanitizer, which is
// there for memory, and finds it in the first seeds or not at all.
inline std::vector<unsigned> seeds_to_run(unsigned usual) {
  std::vector<unsigned> seeds(
      is_one_seed() ? 1 : number_of("STATOR_SEEDS", kSanitized ? usual / 4 : usual));
  std::iota(seeds.begin(), seeds.end(), number_of("STATOR_SEED", 1));
  return seeds;
}

}  // namespace stator::test
