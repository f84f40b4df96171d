// Answers that wait for the log, with a core and a log that the test plays.
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
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr stator_arg kKey[] = {
    make_arg(STATOR_ARG_STR, "key", "", {.flags = STATOR_ARG_REQUIRED | STATOR_ARG_ROUTING_KEY})};
constexpr stator_op kSet = make_op({.op_class = STATOR_OP_WRITE,
                                    .permission = STATOR_PERM_WRITE,
                                    .placement = STATOR_PLACE_DOCUMENT,
                                    .name = "toy_set",
                                    .doc = "",
                                    .result = "",
                                    .example = "{}",
                                    .args = kKey});
constexpr const stator_op* kOps[] = {&kSet};

const stator_engine_v1* toy_engine(const stator_kernel_hello*) {
  static const stator_engine_v1 kEngine = test::played_engine("toy", kOps);
  return &kEngine;
}

constexpr std::uint64_t kNow = 1'000'000'000;

class SessionHeldTest : public test::PlayedSession {
 protected:
  SessionHeldTest() : PlayedSession(&toy_engine, "toy") {
    host_.meter = &meter_;
    host_.watermark = [this] { return durable_; };
    session_ = std::make_unique<Session>(host_, 3, 1);
  }
  void ask(const std::string& more = "") {
    const std::string frame = test::frame_of(R"({"op":"toy_set","key":"k")" + more + "}");
    ASSERT_EQ(session_->on_bytes(frame, kNow), frame.size());
  }
  // The core has executed the oldest request that it has: what it tells is durable with `lsn`.
  void execute(std::uint64_t lsn) {
    Task* task = link_.submitted.front();
    link_.submitted.erase(link_.submitted.begin());
    task->answer_after = Lsn{lsn};
    if (!task->is_held_by_session && task->answer_after > durable_) return waiting_.push_back(task);
    session_->on_answer(task);
  }
  void make_durable(std::uint64_t lsn) {
    durable_ = Lsn{lsn};
    if (session_->has_held()) session_->release_held(durable_);
    for (Task* task : std::exchange(waiting_, {})) session_->on_answer(task);
  }
  std::vector<std::string> sent() { return test::take_bodies(session_->output()); }
  static auto ok(int request, int watermark) {
    return AllOf(StartsWith("{\"request_id\":" + std::to_string(request) + ","),
                 HasSubstr(R"("status":"ok")"),
                 HasSubstr("\"watermark_lsn\":" + std::to_string(watermark) + ","));
  }
  static auto error(int request, const std::string& code) {
    return AllOf(StartsWith("{\"request_id\":" + std::to_string(request) + ","),
                 HasSubstr("\"error_code\":\"" + code + "\""));
  }
  std::uint64_t counted() const {
    std::uint64_t sum = 0;
    for (const auto& op : meter_.ops()) {
      for (const auto& bucket : op.buckets) sum += bucket.load();
    }
    return sum;
  }

  OpMeter meter_{table_.entries().size()};
  Lsn durable_{9};
  std::unique_ptr<Session> session_;
  std::vector<Task*> waiting_;
};

TEST_F(SessionHeldTest, NothingIsToldBeforeItIsDurable) {
  ask();
  ask();
  execute(10);
  execute(11);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(pool_.taken(), 0u) << "tasks are free while their answers wait";
  EXPECT_EQ(session_->in_flight(), 2u) << "clients are owed them";
  EXPECT_EQ(host_.held, 2u);
  EXPECT_THAT(host_.holding, ElementsAre(3u));
  EXPECT_EQ(counted(), 0u) << "the time that they wait counts";
  make_durable(10);
  EXPECT_THAT(sent(), ElementsAre(ok(1, 10)));
  make_durable(12);
  EXPECT_THAT(sent(), ElementsAre(ok(2, 11)));
  EXPECT_EQ(session_->in_flight(), 0u);
  EXPECT_EQ(host_.held, 0u);
  EXPECT_EQ(counted(), 2u);
}

TEST_F(SessionHeldTest, WhatIsBehindAHeldAnswerWaitsWithItAndTheWatermarkNeverFalls) {
  ask();
  ask();
  ask();
  execute(12);
  execute(5);  // saw only what is durable
  execute(12);
  EXPECT_THAT(sent(), IsEmpty());
  make_durable(12);
  EXPECT_THAT(sent(), ElementsAre(ok(1, 12), ok(2, 12), ok(3, 12)));
}

TEST_F(SessionHeldTest, OneWithAnIdOvertakes) {
  ask();
  ask(R"(,"id":7)");
  execute(12);
  execute(5);
  EXPECT_THAT(sent(), ElementsAre(ok(2, 9)));
  durable_ = Lsn{15};
  ask(R"(,"id":8)");
  execute(5);
  EXPECT_THAT(sent(), ElementsAre(ok(1, 12), ok(3, 15))) << "not before what tells of less";
  EXPECT_EQ(session_->in_flight(), 0u);
}

TEST_F(SessionHeldTest, OneWhoseTurnComesLateIsHeldThen) {
  ask();
  ask();
  std::swap(link_.submitted[0], link_.submitted[1]);
  execute(12);
  EXPECT_EQ(host_.held, 0u);
  execute(10);
  EXPECT_EQ(host_.held, 2u);
  make_durable(11);
  EXPECT_THAT(sent(), ElementsAre(ok(1, 10)));
  make_durable(12);
  EXPECT_THAT(sent(), ElementsAre(ok(2, 12)));
  EXPECT_EQ(counted(), 2u);
}

// The lane may sleep when it has told this: what is durable must not wait for another turn.
TEST_F(SessionHeldTest, OneThatIsDurableWhenItsTurnComesIsToldAtOnce) {
  ask();
  ask();
  std::swap(link_.submitted[0], link_.submitted[1]);
  execute(12);
  durable_ = Lsn{12};
  execute(10);
  EXPECT_THAT(sent(), ElementsAre(ok(1, 12), ok(2, 12)));
  EXPECT_EQ(host_.held, 0u);
  EXPECT_EQ(session_->in_flight(), 0u);
  EXPECT_EQ(counted(), 2u);
}

TEST_F(SessionHeldTest, AfterAFailureOfTheLogEveryHeldAnswerIsAnErrorInItsPlace) {
  for (int i = 0; i < 4; ++i) ask();
  execute(10);
  execute(11);
  execute(5);
  execute(12);
  make_durable(10);
  EXPECT_THAT(sent(), ElementsAre(ok(1, 10)));
  session_->refuse_held(Error(ErrorCode::kWal, "the log failed"));
  EXPECT_THAT(sent(), ElementsAre(error(2, "wal"), ok(3, 10), error(4, "wal")));
  EXPECT_EQ(host_.held, 0u);
  EXPECT_EQ(host_.errors, 2u);
  EXPECT_EQ(session_->in_flight(), 0u);
}

// A client asks for what an answer says is durable (`min_lsn`, `from_lsn`), also after a restart.
TEST_F(SessionHeldTest, NoAnswerBehindARefusedOnePromisesWhatTheLogHasNot) {
  ask(R"(,"deadline_ms":10)");
  ask(R"(,"deadline_ms":1000,"payload_format":"json")");
  for (int i = 0; i < 3; ++i) ask(R"(,"deadline_ms":1000)");
  execute(1'000'000);
  const std::string users_own = R"("payload":{"a":1,"watermark_lsn":1000000,"b":2},)";
  link_.submitted.front()->payload.append(users_own.substr(10, users_own.size() - 11));
  execute(5);
  execute(12);
  execute(5);
  session_->refuse_held_at_deadline(kNow + 15'000'000);
  const auto first = sent();
  ASSERT_THAT(first, ElementsAre(error(1, "deadline_exceeded"), ok(2, 9)));
  EXPECT_THAT(first[0], HasSubstr(R"("watermark_lsn":9,)"));
  EXPECT_THAT(first[1], HasSubstr(users_own));
  execute(11);
  make_durable(11);
  EXPECT_THAT(sent(), IsEmpty());
  make_durable(12);
  EXPECT_THAT(sent(), ElementsAre(ok(3, 12), ok(4, 12), ok(5, 12)));
}

TEST_F(SessionHeldTest, OnAFullDiskThoseWhoseTimeIsOverAreToldSo) {
  ask(R"(,"deadline_ms":1000)");
  ask(R"(,"deadline_ms":10)");
  ask(R"(,"deadline_ms":20)");
  for (int lsn = 10; lsn < 13; ++lsn) execute(static_cast<std::uint64_t>(lsn));
  EXPECT_EQ(session_->held_deadline_ns(), kNow + 10'000'000);
  session_->refuse_held_at_deadline(kNow + 15'000'000);
  EXPECT_THAT(sent(), IsEmpty()) << "the first still has its time";
  EXPECT_EQ(session_->held_deadline_ns(), kNow + 20'000'000);
  session_->refuse_held_at_deadline(kNow + 1'000'000'000);
  EXPECT_THAT(sent(), ElementsAre(error(1, "deadline_exceeded"), error(2, "deadline_exceeded"),
                                  error(3, "deadline_exceeded")));
}

TEST_F(SessionHeldTest, TheWindowAndTheTenantsShareCountWhatIsHeld) {
  std::atomic<std::uint64_t> open{0};
  ask();
  link_.submitted.front()->open_count = &open;
  ++open;
  execute(10);
  EXPECT_EQ(open.load(), 1u);
  make_durable(10);
  EXPECT_EQ(open.load(), 0u);
  for (std::size_t i = 0; i < kRequestsInFlightMax; ++i) {
    ask();
    execute(20);
  }
  EXPECT_TRUE(session_->is_blocked());
  make_durable(20);
  EXPECT_FALSE(session_->is_blocked());
  EXPECT_EQ(sent().size(), kRequestsInFlightMax + 1);
}

TEST_F(SessionHeldTest, AClientThatGoesIsOwedNothing) {
  std::atomic<std::uint64_t> open{1};
  ask();
  link_.submitted.front()->open_count = &open;
  execute(10);
  session_.reset();
  EXPECT_EQ(host_.held, 0u);
  EXPECT_EQ(open.load(), 0u);
  EXPECT_EQ(pool_.taken(), 0u);
}

}  // namespace
}  // namespace stator::session
