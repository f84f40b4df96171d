// A lane's side of subscriptions.
#include "server/lane_changes.h"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "control/ops/op_table.h"
#include "control/session/session_ops.h"
#include "wal/sim_log.h"

namespace stator::server {
namespace {

using bridge::Task;

class LaneChangesTest : public testing::Test {
 protected:
  Task* subscribe(const std::string& args) {
    Task* task = pool_.take();
    task->tenant = TenantId{1};
    task->collection = "c";
    const ops::OpEntry* entry = table_.find("subscribe");
    json::Reader reader(args);
    STATOR_ASSERT(entry->args.bind_object(task->args, reader, true, ops::FieldPath()).ok());
    return task;
  }
  void write() {
    wal::BatchBuilder batch;
    ASSERT_TRUE(batch.add({EngineNumber{2}, 1, TenantId{1}, VShardId{1}, "c", "p"}).ok());
    ASSERT_TRUE(log_.append(batch, 1).ok());
    log_.commit();
  }
  void wait_for_parts(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return told_ >= count; });
  }

  wal::SimLog log_;
  plugin::Catalog catalog_;
  ops::OpTable table_ = ops::OpTable::build(catalog_, session::session_rows()).take();
  bridge::TaskPool pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int told_ = 0;
  ChangeReader reader_{log_, ChangeWriter(catalog_, {}), 1, [this](LaneId) {
                         const std::lock_guard lock(mutex_);
                         ++told_;
                         changed_.notify_all();
                       }};
  LaneChanges changes_{LaneId{0}, reader_, log_};
};

TEST_F(LaneChangesTest, BeginsWhereItIsAskedToAndNotBehindTheEnd) {
  write();
  Task* from_now = subscribe("{}");
  ASSERT_TRUE(changes_.open(*from_now).ok());
  EXPECT_EQ(from_now->payload.view(), R"({"event":"subscribed","from_lsn":2})");
  EXPECT_TRUE(from_now->is_partial);
  EXPECT_TRUE(changes_.open(*subscribe(R"({"from_lsn":2})")).ok());
  auto refused = changes_.open(*subscribe(R"({"from_lsn":3})"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field(), "from_lsn");
}

TEST_F(LaneChangesTest, AnAnswerMayCloseAStreamWhosePartIsThere) {
  write();
  Task* tasks[] = {subscribe(R"({"from_lsn":1})"), subscribe(R"({"from_lsn":1})")};
  for (Task* task : tasks) {
    ASSERT_TRUE(changes_.open(*task).ok());
    changes_.more(*task);
  }
  wait_for_parts(2);
  std::vector<Task*> answered;
  changes_.collect([&](Task* task) {
    answered.push_back(task);
    for (Task* one : tasks) changes_.close(*one);
  });
  EXPECT_EQ(answered.size(), 1u);
  EXPECT_EQ(answered[0]->stream_next, Lsn{2});
}

}  // namespace
}  // namespace stator::server
