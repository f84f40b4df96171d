// What the contract between kernel and engine costs, in nanoseconds, each beside a peer in the same
// run.
//
//   contract_bench [ROUNDS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "contract/spread.h"

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 11;
  std::printf("%-52s %8s / %8s / %8s\n", "", "min", "median", "max");
  bench::measure_calls(rounds);
  bench::measure_arguments(rounds);
}
