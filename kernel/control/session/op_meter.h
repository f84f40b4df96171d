// What a lane counts of the answers that it gives: how many of each op, how long they took, which
// errors they were.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

#include "base/error.h"

namespace stator::session {

// The lane writes it, any thread reads: nothing is locked, each number is right by itself.
class OpMeter {
 public:
  using Counter = std::atomic<std::uint64_t>;
  // Times up to 2^(kFirstBucket + i) ns are counted in bucket i: 16 us, 33 us, … 17 s, beyond.
  static constexpr int kFirstBucket = 14;
  static constexpr std::size_t kBuckets = 22;
  struct Op {
    std::array<Counter, kBuckets> buckets{};
    Counter sum_ns{0};
  };

  // `ops`: rows of the op table. One more is counted: requests that name no op.
  explicit OpMeter(std::size_t ops) : ops_(ops + 1) {}

  void note(std::uint32_t op, ErrorCode code, std::uint64_t ns) {
    Op& counts = ops_[op < ops_.size() ? op : ops_.size() - 1];
    add(counts.buckets[bucket_of(ns)], 1);
    add(counts.sum_ns, ns);
    if (code != ErrorCode::kOk) note_error(code);
  }
  // Of an answer in parts: it was noted when its first part was sent.
  void note_error(ErrorCode code) { add(errors_[error_index(code)], 1); }

  const std::vector<Op>& ops() const { return ops_; }
  const std::array<Counter, kErrorCodes>& errors() const { return errors_; }

  static std::size_t bucket_of(std::uint64_t ns) {
    const int bits = static_cast<int>(std::bit_width(ns == 0 ? 0 : ns - 1)) - kFirstBucket;
    return bits <= 0 ? 0 : std::min(static_cast<std::size_t>(bits), kBuckets - 1);
  }

 private:
  // One thread writes: no bus is locked.
  static void add(Counter& counter, std::uint64_t more) {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
  std::vector<Op> ops_;
  std::array<Counter, kErrorCodes> errors_{};
};

}  // namespace stator::session
