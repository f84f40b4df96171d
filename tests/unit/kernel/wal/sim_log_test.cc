#include "wal/sim_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernel/wal/log_fixture.h"

namespace stator::wal {
namespace {

using testing::ElementsAre;

Lsn append(SimLog& log, const std::vector<std::string>& payloads) {
  BatchBuilder batch = batch_of(payloads);
  return log.append(batch, 1).value();
}

TEST(SimLogTest, IsDurableOnlyWhenToldSo) {
  SimLog log;
  int told = 0;
  log.set_listener([&] { ++told; });
  EXPECT_EQ(append(log, {"a", "b"}), Lsn{1});
  EXPECT_EQ(append(log, {"c"}), Lsn{3});
  EXPECT_EQ(log.last(), Lsn{3});
  EXPECT_EQ(log.durable(), Lsn{0});
  log.make_durable(Lsn{2});
  EXPECT_EQ(log.durable(), Lsn{2});
  log.commit();
  EXPECT_EQ(log.durable(), Lsn{3});
  EXPECT_EQ(told, 2);
}

TEST(SimLogTest, CrashForgetsWhatWasNotDurable) {
  SimLog log;
  append(log, {"a"});
  log.commit();
  append(log, {"b", "c"});
  log.make_durable(Lsn{2});  // half of a batch is no batch
  log.crash();
  EXPECT_EQ(log.last(), Lsn{1});
  EXPECT_EQ(append(log, {"d"}), Lsn{2});
  log.commit();
  EXPECT_THAT(read_all(log).value(), ElementsAre("a", "d"));
}

TEST(SimLogTest, RefusesWhileItFails) {
  SimLog log;
  append(log, {"a"});
  log.set_failure(ErrorCode::kWal);
  BatchBuilder batch = batch_of({"b"});
  EXPECT_EQ(log.append(batch, 1).error().code(), ErrorCode::kWal);
  EXPECT_FALSE(log.health().ok());
  log.commit();
  EXPECT_EQ(log.durable(), Lsn{0});
  log.set_failure(ErrorCode::kDiskFull);
  EXPECT_EQ(log.append(batch, 1).error().code(), ErrorCode::kDiskFull);
  EXPECT_EQ(log.health().error().code(), ErrorCode::kDiskFull) << "it heals";
}

TEST(SimLogTest, TrimsDurableBatchesBelow) {
  SimLog log;
  append(log, {"a", "b"});
  append(log, {"c"});
  log.commit();
  log.trim(Lsn{2});
  EXPECT_THAT(read_all(log).value(), ElementsAre("a", "b", "c"));
  log.trim(Lsn{4});
  EXPECT_EQ(log.last(), Lsn{3});
  EXPECT_EQ(append(log, {"d"}), Lsn{4});
  log.commit();
  EXPECT_THAT(read_all(log, Lsn{4}).value(), ElementsAre("d"));
}

}  // namespace
}  // namespace stator::wal
