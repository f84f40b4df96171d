// Times one thing again and again, and prints the spread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace bench {

inline constexpr int kCalls = 200'000;

// The compiler must believe that `value` is used, and that memory may have changed.
template <class T>
void keep(T&& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

template <class Body>
double ns_per_call(Body&& body) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) body();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / kCalls;
}

struct Spread {
  std::vector<double> values;
  void print(const char* name, const char* unit) {
    std::sort(values.begin(), values.end());
    std::printf("%-52s %8.2f / %8.2f / %8.2f %s\n", name, values.front(), values[values.size() / 2],
                values.back(), unit);
  }
};

// calls.cc, arguments.cc
void measure_calls(int rounds);
void measure_arguments(int rounds);

}  // namespace bench
