// The answer of server_stats. Nothing is asked of a lane: each has published its numbers, so a
// server whose lanes are busy or stuck can still be looked at.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/ids.h"
#include "bridge/lane_gauges.h"
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
  std::uint64_t stuck_ns = std::uint64_t{kLaneStuckMsDefault} * 1'000'000;  // longest turn of a lane
  const plugin::Catalog* catalog = nullptr;
  std::span<const bridge::LaneGauges> lanes;
  std::function<LogFacts()> log;
  std::function<BackupFacts()> backup;
};

// Why the server cannot do all that it is for, in words for people; empty: it is ready. The one answer
// to that question, whoever asks. Sources are there when the server has recovered.
std::string not_ready(const StatsSources& sources, std::uint64_t now_ns);

// JSON text.
std::string server_stats(const StatsSources& sources, std::uint64_t now_ns);

}  // namespace stator::session
