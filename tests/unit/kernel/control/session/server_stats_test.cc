#include "control/session/server_stats.h"

#include <atomic>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace stator::session {
namespace {

using testing::HasSubstr;

class ServerStatsTest : public testing::Test {
 protected:
  ServerStatsTest() {
    sources_.started_ns = 5'000'000;
    sources_.catalog = &catalog_;
    sources_.lanes = lanes_;
    sources_.log = [this] { return log_; };
    sources_.backup = [this] { return backup_; };
  }
  std::string said(std::uint64_t now_ns = 5'000'000) { return server_stats(sources_, now_ns); }

  plugin::Catalog catalog_;
  std::vector<bridge::LaneGauges> lanes_{2};
  LogFacts log_{Lsn{3}, Lsn{7}, "ok", Lsn{2}};
  BackupFacts backup_;
  StatsSources sources_;
};

TEST_F(ServerStatsTest, TellsTheLog) {
  EXPECT_THAT(said(), HasSubstr(R"("durable_lsn":3,"last_lsn":7,"oldest_lsn":2,"log":"ok")"));
  log_ = {Lsn{8}, Lsn{9}, "disk_full", Lsn{4}};
  EXPECT_THAT(said(),
              HasSubstr(R"("durable_lsn":8,"last_lsn":9,"oldest_lsn":4,"log":"disk_full")"));
}

TEST_F(ServerStatsTest, CountsTheTimeSinceTheStart) {
  EXPECT_THAT(said(5'000'000), HasSubstr(R"("uptime_ms":0,)"));
  EXPECT_THAT(said(47'000'000), HasSubstr(R"("uptime_ms":42,)"));
}

TEST_F(ServerStatsTest, TellsEachLaneApart) {
  lanes_[0].connections = 3;
  lanes_[1].connections = 4;
  lanes_[1].applied_lsn = 11;
  lanes_[1].memtable_bytes = 12;
  lanes_[1].checkpoint_runs = 1;
  lanes_[1].checkpoint_fails = 1;
  lanes_[1].waiting = 13;
  lanes_[1].replayed = 14;
  lanes_[1].requests = 15;
  lanes_[1].errors = 16;
  lanes_[1].streams = 17;
  lanes_[1].streams_paused = 18;
  lanes_[1].unsent_bytes = 19;
  lanes_[1].request_bytes = 29;
  for (std::size_t i = 0; i < 4; ++i) lanes_[1].queued[i] = 20 + i;
  lanes_[1].long_reads = 24;
  lanes_[1].slices = 25;
  lanes_[1].refused_low = 26;
  lanes_[1].refused_busy = 27;
  lanes_[1].refused_stuck = 28;
  for (std::size_t i = 0; i < bridge::kEndingNames.size(); ++i) lanes_[1].ended[i] = 30 + i;
  EXPECT_THAT(said(), HasSubstr(R"("connections":7,)"));
  EXPECT_THAT(
      said(),
      HasSubstr(
          R"({"lane":0,"applied_lsn":0,"memtable_bytes":0,"checkpoint_running":false,"checkpoint_failing":false,"waiting":0,"replayed":0,"connections":3,"requests":0,"errors":0,"streams":0,"streams_paused":0,"unsent_bytes":0,"request_bytes":0,"queued":{"background":0,"normal":0,"high":0,"critical":0},"long_reads":0,"slices":0,"refused":{"low":0,"busy":0,"stuck":0},"stuck":false,"ended":{"idle":0,"slow_request":0,"slow_handshake":0,"vanished":0,"memory":0,"too_many":0,"handshake_rate":0}})"));
  EXPECT_THAT(
      said(),
      HasSubstr(
          R"({"lane":1,"applied_lsn":11,"memtable_bytes":12,"checkpoint_running":true,"checkpoint_failing":true,"waiting":13,"replayed":14,"connections":4,"requests":15,"errors":16,"streams":17,"streams_paused":18,"unsent_bytes":19,"request_bytes":29,"queued":{"background":20,"normal":21,"high":22,"critical":23},"long_reads":24,"slices":25,"refused":{"low":26,"busy":27,"stuck":28},"stuck":false,"ended":{"idle":30,"slow_request":31,"slow_handshake":32,"vanished":33,"memory":34,"too_many":35,"handshake_rate":36}})"));
}

TEST_F(ServerStatsTest, TellsWhetherItIsReadyAndWhyNot) {
  sources_.stuck_ns = 1000;
  EXPECT_THAT(said(), HasSubstr(R"("ready":true,"not_ready":[])"));
  lanes_[1].busy_since_ns = 8000;
  EXPECT_THAT(said(5'009'001), HasSubstr(R"("ready":false,"not_ready":["lane 1 )"));
  EXPECT_THAT(said(5'009'001), HasSubstr(R"("refused":{"low":0,"busy":0,"stuck":0},"stuck":true)"));
}

TEST_F(ServerStatsTest, TellsTheLastBackup) {
  EXPECT_THAT(said(), HasSubstr(R"("backup":{"running":false,"last":null})"));
  backup_ = {true, "monday", "", Lsn{5}};
  EXPECT_THAT(
      said(),
      HasSubstr(R"("backup":{"running":true,"last":{"name":"monday","lsn":5,"error_code":null}})"));
  backup_ = {false, "tuesday", "disk_full", Lsn{0}};
  EXPECT_THAT(said(), HasSubstr(R"({"name":"tuesday","lsn":0,"error_code":"disk_full"})"));
}

TEST_F(ServerStatsTest, IsReadyWhileWritesAreTakenAndKept) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  EXPECT_THAT(not_ready(sources_, 1), IsEmpty());
  for (const std::string_view health : {"failed", "disk_full"}) {
    log_.health = health;
    EXPECT_THAT(not_ready(sources_, 1), ElementsAre("the log is " + std::string(health)));
  }
  log_.health = "ok";
  std::atomic<bool> is_full = true;
  sources_.memory_is_full = &is_full;
  EXPECT_THAT(not_ready(sources_, 1), ElementsAre(HasSubstr("memory")));
  is_full = false;
  EXPECT_THAT(not_ready(sources_, 1), IsEmpty());
}

TEST_F(ServerStatsTest, IsNotReadyWhileALaneCannotWriteItsStore) {
  using testing::ElementsAre;
  lanes_[1].checkpoint_fails = 1;
  EXPECT_THAT(not_ready(sources_, 1), ElementsAre(HasSubstr("lane 1 cannot write its store")));
}

TEST_F(ServerStatsTest, IsNotReadyWhileALaneIsStuck) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  const std::uint64_t limit_ns = sources_.stuck_ns;
  lanes_[1].busy_since_ns = 1000;
  EXPECT_THAT(not_ready(sources_, 1000 + limit_ns), IsEmpty());
  EXPECT_THAT(not_ready(sources_, 1001 + limit_ns), ElementsAre(HasSubstr("lane 1 ")));
  lanes_[1].busy_since_ns = 0;
  EXPECT_THAT(not_ready(sources_, ~std::uint64_t{0}), IsEmpty()) << "it waits for its sockets";
}

}  // namespace
}  // namespace stator::session
