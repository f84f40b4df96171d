#include "control/session/server_stats.h"

#include <string_view>

#include "stator/json_writer.hpp"

#include "base/limits.h"

namespace stator::session {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

void write_lane(json::Writer& json, std::uint64_t number, const bridge::LaneGauges& lane,
                bool is_stuck) {
  json.begin_object()
      .field("lane", number)
      .field("applied_lsn", lane.applied_lsn.load(std::memory_order_relaxed))
      .field("memtable_bytes", lane.memtable_bytes.load(std::memory_order_relaxed))
      .field("checkpoint_running", lane.checkpoint_runs.load(std::memory_order_relaxed) != 0)
      .field("checkpoint_failing", lane.checkpoint_fails.load(std::memory_order_relaxed) != 0)
      .field("waiting", lane.waiting.load(std::memory_order_relaxed))
      .field("replayed", lane.replayed.load(std::memory_order_relaxed))
      .field("connections", lane.connections.load(std::memory_order_relaxed))
      .field("requests", lane.requests.load(std::memory_order_relaxed))
      .field("errors", lane.errors.load(std::memory_order_relaxed))
      .field("streams", lane.streams.load(std::memory_order_relaxed))
      .field("streams_paused", lane.streams_paused.load(std::memory_order_relaxed))
      .field("unsent_bytes", lane.unsent_bytes.load(std::memory_order_relaxed))
      .field("request_bytes", lane.request_bytes.load(std::memory_order_relaxed));
  json.key("queued").begin_object();
  for (std::size_t i = 0; i < bridge::kPriorityNames.size(); ++i) {
    json.field(bridge::kPriorityNames[i], lane.queued[i].load(std::memory_order_relaxed));
  }
  json.end_object()
      .field("long_reads", lane.long_reads.load(std::memory_order_relaxed))
      .field("slices", lane.slices.load(std::memory_order_relaxed));
  json.key("refused")
      .begin_object()
      .field("low", lane.refused_low.load(std::memory_order_relaxed))
      .field("busy", lane.refused_busy.load(std::memory_order_relaxed))
      .field("stuck", lane.refused_stuck.load(std::memory_order_relaxed))
      .end_object()
      .field("stuck", is_stuck);
  json.key("ended").begin_object();
  for (std::size_t i = 0; i < bridge::kEndingNames.size(); ++i) {
    json.field(bridge::kEndingNames[i], lane.ended[i].load(std::memory_order_relaxed));
  }
  json.end_object().end_object();
}

void write_backup(json::Writer& json, const BackupFacts& backup) {
  json.key("backup").begin_object().field("running", backup.is_running);
  json.key("last");
  if (backup.last_name.empty()) {
    json.null();
  } else {
    json.begin_object()
        .field("name", std::string_view(backup.last_name))
        .field("lsn", backup.last_lsn.value());
    json.key("error_code");
    backup.last_error.empty() ? json.null() : json.string(backup.last_error);
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::vector<std::string> not_ready(const StatsSources& sources, std::uint64_t now_ns) {
  std::vector<std::string> reasons;
  const std::string_view health = sources.log().health;
  if (health != "ok") reasons.push_back("the log is " + std::string(health));
  if (sources.memory_is_full != nullptr &&
      sources.memory_is_full->load(std::memory_order_relaxed)) {
    reasons.emplace_back("the server is at its memory limit");
  }
  for (std::size_t i = 0; i < sources.lanes.size(); ++i) {
    if (sources.lanes[i].checkpoint_fails.load(std::memory_order_relaxed) != 0) {
      reasons.push_back("lane " + std::to_string(i) +
                        " cannot write its store: its last checkpoint failed");
    }
    if (!bridge::is_stuck(sources.lanes[i], now_ns, sources.stuck_ns)) continue;
    const std::uint64_t since = sources.lanes[i].busy_since_ns.load(std::memory_order_relaxed);
    reasons.push_back("lane " + std::to_string(i) + " has not come back from its work for " +
                      std::to_string((now_ns - since) / (1000 * kNsPerMs)) + " s");
  }
  return reasons;
}

std::string server_stats(const StatsSources& sources, std::uint64_t now_ns) {
  const LogFacts log = sources.log();
  std::uint64_t connections = 0;
  for (const bridge::LaneGauges& lane : sources.lanes) {
    connections += lane.connections.load(std::memory_order_relaxed);
  }
  json::StringOut out;
  json::Writer json(out);
  json.begin_object()
      .field("version", std::string_view(STATOR_VERSION))
      .field("uptime_ms", (now_ns - sources.started_ns) / kNsPerMs)
      .field("durable_lsn", log.durable.value())
      .field("last_lsn", log.last.value())
      .field("oldest_lsn", log.oldest.value())
      .field("log", log.health)
      .field("connections", connections);
  const std::vector<std::string> why_not = not_ready(sources, now_ns);
  json.field("ready", why_not.empty()).key("not_ready").begin_array();
  for (const std::string& reason : why_not) json.string(reason);
  json.end_array();
  json.key("lanes").begin_array();
  for (std::size_t i = 0; i < sources.lanes.size(); ++i) {
    write_lane(json, i, sources.lanes[i],
               bridge::is_stuck(sources.lanes[i], now_ns, sources.stuck_ns));
  }
  json.end_array().key("engines").begin_array();
  for (const auto& engine : sources.catalog->engines()) {
    json.begin_object()
        .field("id", std::string_view(engine->id))
        .field("version", std::string_view(engine->descriptor.version))
        .end_object();
  }
  json.end_array();
  write_backup(json, sources.backup());
  json.end_object();
  return out.take();
}

}  // namespace stator::session
