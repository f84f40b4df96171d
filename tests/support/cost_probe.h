// What cost_probe.cc counts in a server under test. In a file that both map.
#pragma once

#include <atomic>
#include <cstdint>

namespace stator::test {

struct CostCounters {
  std::atomic<std::uint64_t> allocations;
  std::atomic<std::uint64_t> receives;
  std::atomic<std::uint64_t> sends;
  std::atomic<std::uint64_t> waits;
};

}  // namespace stator::test
