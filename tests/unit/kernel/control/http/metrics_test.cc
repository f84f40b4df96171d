#include "control/http/metrics.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/session/session_ops.h"

namespace stator::http {
namespace {

using testing::HasSubstr;

TEST(MetricsTest, HasWhatServerStatsTellsOfEachLane) {
  plugin::Catalog catalog;
  const ops::OpTable table = ops::OpTable::build(catalog, session::session_rows()).take();
  std::vector<bridge::LaneGauges> lanes(2);
  session::StatsSources sources;
  sources.table = &table;
  sources.catalog = &catalog;
  sources.lanes = lanes;
  sources.log = [] { return session::LogFacts{Lsn{3}, Lsn{7}, "ok", Lsn{2}}; };
  sources.backup = [] { return session::BackupFacts(); };
  sources.stuck_ns = 1000;
  lanes[0].requests = 5;
  for (std::size_t i = 0; i < bridge::kPriorityNames.size(); ++i) lanes[1].queued[i] = 20 + i;
  lanes[1].long_reads = 24;
  lanes[1].slices = 25;
  lanes[1].refused_low = 26;
  lanes[1].refused_busy = 27;
  lanes[1].refused_stuck = 28;
  lanes[1].ended[static_cast<std::size_t>(bridge::Ending::kTooMany)] = 29;
  lanes[1].busy_since_ns = 8000;
  const std::string text = metrics(sources, 9'001);
  for (const char* line :
       {R"(stator_lane_requests_total{lane="0"} 5)",
        R"(stator_lane_queued{lane="1",priority="background"} 20)",
        R"(stator_lane_queued{lane="1",priority="critical"} 23)",
        R"(stator_lane_long_reads{lane="1"} 24)", R"(stator_lane_slices_total{lane="1"} 25)",
        R"(stator_lane_refused_total{lane="1",reason="low"} 26)",
        R"(stator_lane_refused_total{lane="1",reason="busy"} 27)",
        R"(stator_lane_refused_total{lane="1",reason="stuck"} 28)",
        R"(stator_lane_connections_ended_total{lane="1",reason="too_many"} 29)",
        R"(stator_lane_connections_ended_total{lane="0",reason="idle"} 0)",
        R"(stator_lane_stuck{lane="0"} 0)", R"(stator_lane_stuck{lane="1"} 1)", "stator_ready 0"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line + "\n"));
  }
  EXPECT_THAT(metrics(sources, 8'001), HasSubstr("stator_ready 1\n"));
}

}  // namespace
}  // namespace stator::http
