// What one tenant uses, against its limits. Every lane counts on the same meter, so a limit holds for
// the server and not for each lane.
//
// Any thread: atomics, no locks. A meter lives as long as the server.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "system/stored_form.h"

namespace stator::auth {

class TenantMeter {
 public:
  void set_limits(const system::Limits& limits);
  // Some limit is set; otherwise nobody needs to ask this meter.
  bool has_limits() const { return has_limits_.load(std::memory_order_relaxed); }
  system::Limits limits() const;

  // One request at `now_ns` (monotonic). Error: kRateLimited, with the time after which it would pass.
  // A token bucket of one second's requests, as the generic cell rate algorithm keeps it.
  Status take_token(std::uint64_t now_ns);

  // One more request is being carried out, until it is subtracted from open_count(). Error: kOverQuota
  // (nothing was added).
  Status enter();
  std::atomic<std::uint64_t>& open_count() { return in_flight_; }
  std::uint64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  // Bytes of keys and values, as the stores last measured them.
  void add_storage(std::int64_t bytes) { storage_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  std::uint64_t storage_bytes() const;
  // Bytes that engines hold in memory, as the lanes last told.
  void add_memory(std::int64_t bytes) { memory_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  std::uint64_t memory_bytes() const;
  // Whether a write that adds something may go on. Error: kOverQuota.
  Status check_room() const;

  // 0: no limit.
  std::uint64_t vector_dims_max() const { return vector_dims_max_.load(std::memory_order_relaxed); }
  std::uint64_t walk_depth_max() const { return walk_depth_max_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> has_limits_{false};
  std::atomic<std::uint64_t> ns_per_request_{0};
  std::atomic<std::uint64_t> requests_per_s_{0};
  std::atomic<std::uint64_t> in_flight_max_{0};
  std::atomic<std::uint64_t> storage_max_{0};
  std::atomic<std::uint64_t> memory_max_{0};
  std::atomic<std::uint64_t> vector_dims_max_{0};
  std::atomic<std::uint64_t> walk_depth_max_{0};
  std::atomic<std::uint64_t> next_ns_{0};  // when the bucket would be full again
  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::int64_t> storage_bytes_{0};
  std::atomic<std::int64_t> memory_bytes_{0};
};

}  // namespace stator::auth
