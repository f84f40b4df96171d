// What a session sends at once and what waits until an earlier request is answered; the test plays
// the core.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stator/declare.hpp"

#include "control/session/session.h"
#include "control/session/session_ops.h"
#include "support/frames.h"
#include "support/played_session.h"

namespace stator::session {
namespace {

using bridge::Task;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr stator_op row(const char* name, std::uint32_t op_class, std::uint32_t flags) {
  return make_op({.op_class = op_class,
                  .permission = STATOR_PERM_READ,
                  .placement = STATOR_PLACE_COLLECTION,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .flags = flags});
}
constexpr stator_op kGet = row("get", STATOR_OP_READ, 0);
constexpr stator_op kScan = row("scan", STATOR_OP_READ, STATOR_OP_PAUSES);
constexpr stator_op kPut = row("put", STATOR_OP_WRITE, 0);

const stator_engine_v1* engine(const stator_kernel_hello*) {
  static const stator_op* const kOps[] = {&kGet, &kScan, &kPut};
  static const stator_engine_v1 kEngine = test::played_engine("played", kOps);
  return &kEngine;
}

class SessionOrderTest : public test::PlayedSession {
 protected:
  SessionOrderTest() : PlayedSession(&engine, "played", 2) {
    session_ = std::make_unique<Session>(host_, 0, 1);
  }
  // `more`: further members.
  void ask(const std::string& op, const std::string& more = "") {
    const std::string frame = test::frame_of(R"({"op":")" + op + "\"" + more + "}");
    EXPECT_EQ(session_->on_bytes(frame, 1), frame.size());
  }
  // The numbers of the requests that the core has and has not answered.
  std::vector<std::uint64_t> running() {
    std::vector<std::uint64_t> ids;
    for (const Task* task : tasks()) ids.push_back(task->request_id);
    return ids;
  }
  void answer(std::uint64_t id) {
    tasks();
    const auto found = std::find_if(tasks_.begin(), tasks_.end(),
                                    [&](const Task* task) { return task->request_id == id; });
    ASSERT_NE(found, tasks_.end());
    Task* task = *found;
    tasks_.erase(found);
    session_->on_answer(task);
  }
  const std::vector<Task*>& tasks() {
    tasks_.insert(tasks_.end(), link_.submitted.begin(), link_.submitted.end());
    link_.submitted.clear();
    dispatcher_.flush();
    std::vector<Task*> sent(16);
    sent.resize(mesh_.requests(LaneId{0}, LaneId{1}).pop(sent));
    tasks_.insert(tasks_.end(), sent.begin(), sent.end());
    return tasks_;
  }
  std::string collection_of(LaneId lane) const {
    for (char name = 'a';; ++name) {
      if (map_.lane_of(map_.of(TenantId{1}, std::string(1, name))) == lane) return {name};
    }
  }

  std::vector<Task*> tasks_;
  std::unique_ptr<Session> session_;
};

constexpr const char* kHigh = R"(,"priority":"high")";
constexpr const char* kWithId = R"(,"id":"x")";
constexpr const char* kEarly = R"(,"min_lsn":10)";
constexpr const char* kReached = R"(,"min_lsn":9)";

TEST_F(SessionOrderTest, OfOnePriorityAllAreSentAtOnce) {
  for (const char* op : {"get", "put", "get"}) ask(op);
  EXPECT_THAT(running(), ElementsAre(1, 2, 3));
}

TEST_F(SessionOrderTest, AnotherPriorityWaitsForAllBeforeIt) {
  ask("put");
  ask("put");
  ask("get", kHigh);
  ask("get", kHigh);
  ask("get");
  EXPECT_THAT(running(), ElementsAre(1, 2));
  answer(2);
  EXPECT_THAT(running(), ElementsAre(1)) << "the last one that was sent is not the last one open";
  answer(1);
  EXPECT_THAT(running(), ElementsAre(3, 4));
  answer(3);
  EXPECT_THAT(running(), ElementsAre(4));
  answer(4);
  EXPECT_THAT(running(), ElementsAre(5));
}

TEST_F(SessionOrderTest, AWriteWaitsForEveryLongReadBeforeIt) {
  ask("scan");
  ask("scan");
  ask("get");
  ask("put");
  ask("get");
  EXPECT_THAT(running(), ElementsAre(1, 2, 3)) << "reads do not wait for reads";
  answer(2);
  EXPECT_THAT(running(), ElementsAre(1, 3)) << "the first scan may still be anywhere";
  answer(1);
  EXPECT_THAT(running(), ElementsAre(3, 4, 5));
  ask("put");
  EXPECT_THAT(running(), ElementsAre(3, 4, 5, 6)) << "no long read is open any more";
}

TEST_F(SessionOrderTest, NothingOvertakesAWriteThatWaitsForItsLsn) {
  ask("put", kReached);
  ask("put", kEarly);
  ask("get");
  ask("put");
  EXPECT_THAT(running(), ElementsAre(1, 2));
  answer(1);
  EXPECT_THAT(running(), ElementsAre(2));
  answer(2);
  EXPECT_THAT(running(), ElementsAre(3, 4));
}

TEST_F(SessionOrderTest, AWriteWaitsForAReadThatWaitsForItsLsn) {
  ask("get", kEarly);
  ask("get", kEarly);
  ask("get");
  ask("put");
  EXPECT_THAT(running(), ElementsAre(1, 2, 3)) << "reads do not wait for reads";
  answer(2);
  EXPECT_THAT(running(), ElementsAre(1, 3));
  answer(1);
  EXPECT_THAT(running(), ElementsAre(3, 4));
}

// However many requests it has, and also where they are given up.
TEST_F(SessionOrderTest, ABatchThatWaitsForItsLsnIsOneTask) {
  ask("batch", std::string(kEarly) + R"(,"atomic":false,"ops":[{"op":"get"},{"op":"get"}])");
  ask("get");
  ASSERT_EQ(tasks().size(), 1u);
  EXPECT_EQ(tasks_[0]->kind, bridge::TaskKind::kBatchWait);
  session_->give_up_early();
  ASSERT_TRUE(tasks_[0]->was_cancelled());
  tasks_[0]->refuse_as_cancelled();
  answer(1);
  const std::string said(session_->output().view());
  EXPECT_THAT(said, testing::HasSubstr(R"("error_code":"busy")"));
  EXPECT_THAT(running(), ElementsAre(2));
}

TEST_F(SessionOrderTest, ALongReadInABatchIsOneForTheWriteBehindIt) {
  ask("batch", R"(,"atomic":false,"ops":[{"op":"scan"},{"op":"get"}])");
  ask("get");
  ask("put");
  ASSERT_EQ(tasks().size(), 3u) << "two of the batch, and the read";
  for (const Task* task : tasks_) EXPECT_FALSE(task->is_in_one_piece);
  Task* batch = tasks_[0]->parent;
  std::erase_if(tasks_, [&](const Task* task) { return task->parent == batch; });
  session_->on_answer(batch);
  EXPECT_THAT(running(), ElementsAre(2, 3));
}

TEST_F(SessionOrderTest, AReadPausesNotWhereItsBatchWrites) {
  ask("batch", R"(,"atomic":false,"ops":[{"op":"scan"},{"op":"put"}])");
  ask("put");
  ASSERT_EQ(tasks().size(), 3u);
  EXPECT_TRUE(tasks_[0]->is_in_one_piece);
}

TEST_F(SessionOrderTest, ABatchOverSeveralLanesThatWaitedHoldsWhatIsBehindIt) {
  const auto put_in = [&](LaneId lane) {
    return R"({"op":"put","collection":")" + collection_of(lane) + "\"}";
  };
  ask("scan");
  ask("batch", R"(,"ops":[)" + put_in(LaneId{0}) + "," + put_in(LaneId{1}) + "]");
  ask("get");
  answer(1);
  ASSERT_EQ(tasks().size(), 1u) << "its part on the first lane";
  EXPECT_EQ(tasks_[0]->kind, bridge::TaskKind::kBatchPrepare);
  Task* batch = tasks_[0]->parent;
  tasks_.clear();
  session_->on_answer(batch);
  EXPECT_THAT(running(), ElementsAre(3));
}

TEST_F(SessionOrderTest, WithAnIdNothingWaitsAndNobodyWaitsForIt) {
  ask("scan", kWithId);
  ask("put");
  ask("get", std::string(kHigh) + R"(,"id":"y")");
  EXPECT_THAT(running(), ElementsAre(1, 2, 3));
}

TEST_F(SessionOrderTest, WhatWaitsIsGivenBackWhenTheClientGoes) {
  ask("scan");
  ask("put");
  EXPECT_THAT(running(), ElementsAre(1));
  session_.reset();
  EXPECT_EQ(pool_.taken(), 1u) << "what the core has";
}

}  // namespace
}  // namespace stator::session
