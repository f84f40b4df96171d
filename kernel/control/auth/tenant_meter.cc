#include "control/auth/tenant_meter.h"

#include <algorithm>
#include <string>

namespace stator::auth {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint32_t kInFlightRetryMs = 20;
constexpr std::uint32_t kRoomRetryMs = 5'000;

Error over(const char* quota, std::uint64_t limit, std::uint64_t used, std::uint32_t retry_ms) {
  return Error(ErrorCode::kOverQuota, "the tenant's quota '" + std::string(quota) + "' is " +
                                          std::to_string(limit) + ", and " + std::to_string(used) +
                                          " are used")
      .with_retry_after(retry_ms);
}

std::uint64_t at_least_0(const std::atomic<std::int64_t>& bytes) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(bytes.load(std::memory_order_relaxed), 0));
}

}  // namespace

void TenantMeter::set_limits(const system::Limits& limits) {
  requests_per_s_.store(limits.requests_per_s, std::memory_order_relaxed);
  const std::uint64_t cost = limits.requests_per_s == 0 ? 0 : std::max<std::uint64_t>(kSecondNs / limits.requests_per_s, 1);
  ns_per_request_.store(cost, std::memory_order_relaxed);
  next_ns_.store(0, std::memory_order_relaxed);  // a new limit begins with a full bucket
  in_flight_max_.store(limits.in_flight, std::memory_order_relaxed);
  storage_max_.store(limits.storage_bytes, std::memory_order_relaxed);
  memory_max_.store(limits.memory_bytes, std::memory_order_relaxed);
  vector_dims_max_.store(limits.vector_dims, std::memory_order_relaxed);
  walk_depth_max_.store(limits.walk_depth, std::memory_order_relaxed);
  has_limits_.store(!limits.are_none(), std::memory_order_relaxed);
}

system::Limits TenantMeter::limits() const {
  return {requests_per_s_.load(std::memory_order_relaxed),
          in_flight_max_.load(std::memory_order_relaxed),
          storage_max_.load(std::memory_order_relaxed),
          memory_max_.load(std::memory_order_relaxed),
          vector_dims_max(),
          walk_depth_max()};
}

Status TenantMeter::take_token(std::uint64_t now_ns) {
  const std::uint64_t cost = ns_per_request_.load(std::memory_order_relaxed);
  if (cost == 0) return ok_status();
  // Each request moves the time at which the bucket is full by its cost; it may lie a second ahead, so
  // that as many requests as the limit names may come at once.
  const std::uint64_t burst = std::max(kSecondNs, cost);
  std::uint64_t seen = next_ns_.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t next = std::max(seen, now_ns) + cost;
    if (next > now_ns + burst) {
      const std::uint64_t wait_ns = next - now_ns - burst;
      return Error(ErrorCode::kRateLimited,
                   "the tenant's limit of " + std::to_string(requests_per_s_.load(std::memory_order_relaxed)) +
                       " requests per second is reached")
          .with_retry_after(static_cast<std::uint32_t>(std::min<std::uint64_t>(wait_ns / 1'000'000 + 1, 60'000)));
    }
    if (next_ns_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return ok_status();
  }
}

Status TenantMeter::enter() {
  const std::uint64_t before = in_flight_.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t limit = in_flight_max_.load(std::memory_order_relaxed);
  if (limit == 0 || before < limit) return ok_status();
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  return over("in_flight", limit, before, kInFlightRetryMs);
}

std::uint64_t TenantMeter::storage_bytes() const { return at_least_0(storage_bytes_); }

std::uint64_t TenantMeter::memory_bytes() const { return at_least_0(memory_bytes_); }

Status TenantMeter::check_room() const {
  const std::uint64_t storage = storage_max_.load(std::memory_order_relaxed);
  if (storage != 0 && storage_bytes() >= storage) {
    return over("storage_bytes", storage, storage_bytes(), kRoomRetryMs);
  }
  const std::uint64_t memory = memory_max_.load(std::memory_order_relaxed);
  if (memory == 0 || memory_bytes() < memory) return ok_status();
  return over("memory_bytes", memory, memory_bytes(), kRoomRetryMs);
}

}  // namespace stator::auth
