// What a lane tells about itself. It writes them at the end of every turn, before it sends its
// answers: who has an answer reads numbers that are no older than it. Any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/limits.h"

namespace stator::bridge {

inline constexpr std::array<std::string_view, kPriorityWeights.size()> kPriorityNames = {
    "background", "normal", "high", "critical"};

// Why a lane ended a connection that its client would have kept, or did not take one.
enum class Ending : std::uint8_t {
  kIdle,           // nothing was asked for too long
  kSlowRequest,    // a request that was begun did not end in its time
  kSlowHandshake,  // TLS was not there in its time
  kVanished,       // nothing answers
  kMemory,         // it held more than there was room for, and was the slowest
  kTooMany,        // not taken: no more may be open
  kHandshakeRate,  // not taken: too many handshakes in this second
};
inline constexpr std::array<std::string_view, 7> kEndingNames = {
    "idle", "slow_request", "slow_handshake", "vanished", "memory", "too_many", "handshake_rate"};

struct alignas(64) LaneGauges {
  using Gauge = std::atomic<std::uint64_t>;

  Gauge applied_lsn{0};  // its base holds every record up to here
  Gauge memtable_bytes{0};
  Gauge checkpoint_runs{0};   // 0 or 1
  Gauge checkpoint_fails{0};  // the last one did, 0 or 1
  Gauge waiting{0};          // tasks that wait in its core
  Gauge replayed{0};         // records of the log that its start applied
  Gauge connections{0};
  Gauge requests{0};        // frames taken, since start
  Gauge errors{0};          // answers that were errors, since start
  Gauge streams{0};         // answers in parts that are open
  Gauge streams_paused{0};  // of these, until their clients have read more
  Gauge unsent_bytes{0};    // of answers that clients have not taken yet
  Gauge request_bytes{0};   // of requests that are not answered yet
  std::array<Gauge, kPriorityWeights.size()> queued{};  // wait for their turn, by priority
  Gauge long_reads{0};                                  // that have begun and pause
  Gauge slices{0};                                      // of such reads, since start
  Gauge refused_low{0};    // requests of low priority that a pressed lane did not take, since start
  Gauge refused_busy{0};   // the others, at a full one
  Gauge refused_stuck{0};  // of a lane that was stuck, and those that waited for it
  std::array<Gauge, kEndingNames.size()> ended{};  // connections, by Ending, since start
  // Since when its turn goes on (monotonic); 0 while it sleeps, stands still or does not serve yet.
  Gauge busy_since_ns{0};
};

// It has not ended a turn for longer than it may take.
inline bool is_stuck(const LaneGauges& lane, std::uint64_t now_ns, std::uint64_t stuck_ns) {
  const std::uint64_t since = lane.busy_since_ns.load(std::memory_order_relaxed);
  return since != 0 && now_ns > since && now_ns - since > stuck_ns;
}

}  // namespace stator::bridge
