// What a lane tells about itself. It writes them at the end of every turn, before it sends its
// answers: who has an answer reads numbers that are no older than it. Any thread reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace stator::bridge {

struct alignas(64) LaneGauges {
  using Gauge = std::atomic<std::uint64_t>;

  Gauge applied_lsn{0};  // its base holds every record up to here
  Gauge memtable_bytes{0};
  Gauge checkpoint_runs{0};  // 0 or 1
  Gauge waiting{0};          // tasks that wait in its core
  Gauge replayed{0};         // records of the log that its start applied
  Gauge connections{0};
  Gauge requests{0};        // frames taken, since start
  Gauge errors{0};          // answers that were errors, since start
  Gauge streams{0};         // answers in parts that are open
  Gauge streams_paused{0};  // of these, until their clients have read more
  Gauge unsent_bytes{0};    // of answers that clients have not taken yet
  // Monotonic time since when it works without having looked at its sockets; 0: it waits for them.
  Gauge busy_since_ns{0};
};

}  // namespace stator::bridge
