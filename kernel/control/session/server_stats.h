// The answer of server_stats. Nothing is asked of a lane: each has published its numbers, so a
// server whose lanes are busy or stuck can still be looked at.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "bridge/lane_gauges.h"
#include "control/ops/op_table.h"
#include "control/session/op_meter.h"
#include "plugin/catalog.h"

namespace stator::session {

struct LogFacts {
  Lsn durable;
  Lsn last;
  std::string_view health;  // "ok", "failed", "disk_full"
  Lsn oldest{};             // the first that readers of changes can have
};

struct BackupFacts {
  bool is_running = false;
  std::string last_name;   // of the last that ended since start; empty: none
  std::string last_error;  // wire name; empty: it is complete
  Lsn last_lsn;            // 0 if it failed
};

// Where the numbers come from. Any thread; outlives the sessions.
struct StatsSources {
  std::uint64_t started_ns = 0;  // monotonic
  std::uint64_t stuck_ns =
      std::uint64_t{kLaneStuckMsDefault} * 1'000'000;  // longest turn of a lane
  const plugin::Catalog* catalog = nullptr;
  std::span<const bridge::LaneGauges> lanes;
  std::function<LogFacts()> log;
  std::function<BackupFacts()> backup;
  const ops::OpTable* table = nullptr;
  std::vector<const OpMeter*> meters;                 // by lane
  const std::atomic<bool>* memory_is_full = nullptr;  // null: never
};

// Why the server does not take writes that it would keep, one sentence each; empty: it does.
std::vector<std::string> not_ready(const StatsSources& sources, std::uint64_t now_ns);

// JSON text.
std::string server_stats(const StatsSources& sources, std::uint64_t now_ns);

}  // namespace stator::session
