#include "control/http/metrics.h"

#include <array>
#include <cstdio>
#include <utility>

#include "control/session/op_meter.h"

namespace stator::http {
namespace {

using bridge::LaneGauges;
using session::OpMeter;
using session::StatsSources;

constexpr double kNsPerSecond = 1e9;

std::uint64_t read(const std::atomic<std::uint64_t>& counter) {
  return counter.load(std::memory_order_relaxed);
}

std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

// Begins a family; its samples follow.
class Family {
 public:
  Family(std::string& out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_("stator_" + std::string(name)) {
    out_ += "# HELP " + name_ + ' ' + std::string(help) + "\n# TYPE " + name_ + ' ' +
            std::string(type) + '\n';
  }
  // `labels`: `name="value"`, separated by commas; empty: none.
  void sample(const std::string& labels, const std::string& value, std::string_view suffix = {}) {
    out_ += name_;
    out_ += suffix;
    if (!labels.empty()) out_ += '{' + labels + '}';
    out_ += ' ' + value + '\n';
  }
  void sample(const std::string& labels, std::uint64_t value, std::string_view suffix = {}) {
    sample(labels, std::to_string(value), suffix);
  }

 private:
  std::string& out_;
  std::string name_;
};

struct LaneMetric {
  const char* name;
  const char* type;
  const char* help;
  const LaneGauges::Gauge LaneGauges::*gauge;
};

constexpr LaneMetric kLaneMetrics[] = {
    {"lane_requests_total", "counter", "Requests taken.", &LaneGauges::requests},
    {"lane_errors_total", "counter", "Answers that were errors.", &LaneGauges::errors},
    {"lane_connections", "gauge", "Connections that are open.", &LaneGauges::connections},
    {"lane_waiting", "gauge", "Requests that wait for the log, for min_lsn or for a checkpoint.",
     &LaneGauges::waiting},
    {"lane_streams", "gauge", "Answers in parts that are open.", &LaneGauges::streams},
    {"lane_streams_paused", "gauge", "Of these, those whose clients read too slowly.",
     &LaneGauges::streams_paused},
    {"lane_unsent_bytes", "gauge", "Bytes of answers that clients have not taken.",
     &LaneGauges::unsent_bytes},
    {"lane_request_bytes", "gauge", "Bytes that requests hold until they are answered.",
     &LaneGauges::request_bytes},
    {"lane_applied_lsn", "gauge", "The store holds every record up to this LSN.",
     &LaneGauges::applied_lsn},
    {"lane_memtable_bytes", "gauge", "Bytes that the next checkpoint will write.",
     &LaneGauges::memtable_bytes},
    {"lane_checkpoint_running", "gauge", "1 while a checkpoint is being written.",
     &LaneGauges::checkpoint_runs},
    {"lane_checkpoint_failing", "gauge", "1 from a checkpoint that failed to one that did not.",
     &LaneGauges::checkpoint_fails},
    {"lane_long_reads", "gauge", "Reads in slices that have begun and pause.",
     &LaneGauges::long_reads},
    {"lane_slices_total", "counter", "Slices of such reads.", &LaneGauges::slices},
    {"lane_replayed_records", "gauge", "Records of the log that the start applied.",
     &LaneGauges::replayed},
};

void write_server(const StatsSources& sources, std::uint64_t now_ns, std::string& out) {
  Family(out, "build_info", "gauge", "What runs.").sample("version=\"" STATOR_VERSION "\"", 1);
  Family(out, "uptime_seconds", "gauge", "Seconds since the start.")
      .sample("", text_of(static_cast<double>(now_ns - sources.started_ns) / kNsPerSecond));
  Family(out, "ready", "gauge", "1 while /readyz says yes.")
      .sample("", session::not_ready(sources, now_ns).empty() ? 1 : 0);
  const session::LogFacts log = sources.log();
  Family state(out, "log_state", "gauge", "The log's health: 1 for the state that it is in.");
  for (const std::string_view name : {"ok", "disk_full", "failed"}) {
    state.sample("state=\"" + std::string(name) + '"', log.health == name ? 1 : 0);
  }
  Family(out, "log_durable_lsn", "gauge", "The newest durable LSN.")
      .sample("", log.durable.value());
  Family(out, "log_last_lsn", "gauge", "The newest LSN.").sample("", log.last.value());
  Family(out, "log_oldest_lsn", "gauge", "The oldest LSN that subscribers can have.")
      .sample("", log.oldest.value());
  Family(out, "backup_running", "gauge", "1 while a backup is being made.")
      .sample("", sources.backup().is_running ? 1 : 0);
}

std::string label(std::size_t lane) { return "lane=\"" + std::to_string(lane) + '"'; }

// One number of each lane for each of `names`.
template <std::size_t N>
void write_kinds(Family family, const StatsSources& sources, std::string_view kind,
                 const std::array<std::string_view, N>& names,
                 std::array<LaneGauges::Gauge, N> LaneGauges::*gauges) {
  for (std::size_t i = 0; i < sources.lanes.size(); ++i) {
    for (std::size_t at = 0; at < N; ++at) {
      family.sample(label(i) + ',' + std::string(kind) + "=\"" + std::string(names[at]) + '"',
                    read((sources.lanes[i].*gauges)[at]));
    }
  }
}

void write_refused(const StatsSources& sources, std::string& out) {
  constexpr std::pair<const char*, LaneGauges::Gauge LaneGauges::*> kReasons[] = {
      {"low", &LaneGauges::refused_low},
      {"busy", &LaneGauges::refused_busy},
      {"stuck", &LaneGauges::refused_stuck}};
  Family family(
      out, "lane_refused_total", "counter",
      "Requests that were not taken: of low priority, at a full queue, at a lane that is stuck.");
  for (std::size_t i = 0; i < sources.lanes.size(); ++i) {
    for (const auto& [reason, gauge] : kReasons) {
      family.sample(label(i) + ",reason=\"" + reason + '"', read(sources.lanes[i].*gauge));
    }
  }
}

void write_lanes(const StatsSources& sources, std::uint64_t now_ns, std::string& out) {
  for (const LaneMetric& metric : kLaneMetrics) {
    Family family(out, metric.name, metric.type, metric.help);
    for (std::size_t i = 0; i < sources.lanes.size(); ++i) {
      family.sample(label(i), read(sources.lanes[i].*metric.gauge));
    }
  }
  Family stuck(out, "lane_stuck", "gauge", "1 while the lane does not come back from its work.");
  for (std::size_t i = 0; i < sources.lanes.size(); ++i) {
    stuck.sample(label(i), bridge::is_stuck(sources.lanes[i], now_ns, sources.stuck_ns) ? 1 : 0);
  }
  write_kinds({out, "lane_queued", "gauge", "Requests that wait for their turn."}, sources,
              "priority", bridge::kPriorityNames, &LaneGauges::queued);
  write_refused(sources, out);
  write_kinds({out, "lane_connections_ended_total", "counter",
               "Connections that the server ended, or did not take."},
              sources, "reason", bridge::kEndingNames, &LaneGauges::ended);
}

void write_op(Family& family, const std::string& op, const StatsSources& sources,
              std::size_t index) {
  std::array<std::uint64_t, OpMeter::kBuckets> buckets{};
  std::uint64_t sum_ns = 0;
  std::uint64_t count = 0;
  for (const OpMeter* meter : sources.meters) {
    const OpMeter::Op& counts = meter->ops()[index];
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += read(counts.buckets[i]);
    sum_ns += read(counts.sum_ns);
  }
  for (const std::uint64_t bucket : buckets) count += bucket;
  if (count == 0) return;
  const std::string label = "op=\"" + op + '"';
  std::uint64_t below = 0;
  for (std::size_t i = 0; i + 1 < buckets.size(); ++i) {
    below += buckets[i];
    const double bound =
        static_cast<double>(std::uint64_t{1} << (OpMeter::kFirstBucket + i)) / kNsPerSecond;
    family.sample(label + ",le=\"" + text_of(bound) + '"', below, "_bucket");
  }
  family.sample(label + ",le=\"+Inf\"", count, "_bucket");
  family.sample(label, text_of(static_cast<double>(sum_ns) / kNsPerSecond), "_sum");
  family.sample(label, count, "_count");
}

void write_ops(const StatsSources& sources, std::string& out) {
  Family times(out, "request_duration_seconds", "histogram",
               "From a request's arrival to its answer, by op; op=\"none\": none was named.");
  const std::size_t ops = sources.table->entries().size();
  for (std::size_t i = 0; i < ops; ++i)
    write_op(times, sources.table->entries()[i].label, sources, i);
  write_op(times, "none", sources, ops);
  Family errors(out, "errors_total", "counter", "Answers that were errors, by error_code.");
  for (std::size_t i = 0; i < kErrorCodes; ++i) {
    std::uint64_t count = 0;
    for (const OpMeter* meter : sources.meters) count += read(meter->errors()[i]);
    if (count != 0)
      errors.sample("code=\"" + std::string(wire_name(error_code_at(i))) + '"', count);
  }
}

}  // namespace

std::string metrics(const StatsSources& sources, std::uint64_t now_ns) {
  std::string out;
  write_server(sources, now_ns, out);
  write_lanes(sources, now_ns, out);
  write_ops(sources, out);
  return out;
}

}  // namespace stator::http
