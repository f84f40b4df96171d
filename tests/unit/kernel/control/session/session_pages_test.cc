// Pages as parts of one answer; the test plays the lanes.
#include <algorithm>
#include <array>

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
using testing::Not;

constexpr std::array kArgs = {
    make_arg(STATOR_ARG_STR, "filter", "", {}),
    make_arg(STATOR_ARG_STR, "cursor", "", {.flags = STATOR_ARG_CURSOR, .min = 1, .max = 100}),
};
constexpr stator_op row(const char* name, std::uint32_t placement) {
  return make_op({.op_class = STATOR_OP_READ,
                  .permission = STATOR_PERM_READ,
                  .placement = placement,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .args = kArgs});
}
constexpr stator_op kList = row("list", STATOR_PLACE_COLLECTION);
constexpr stator_op kListAll = row("list_all", STATOR_PLACE_ALL);

const stator_engine_v1* engine(const stator_kernel_hello*) {
  static const stator_op* const kOps[] = {&kList, &kListAll};
  static const stator_engine_v1 kEngine = [] {
    stator_engine_v1 made = test::played_engine("played", kOps);
    made.merge = [](const stator_instance*, const stator_request*, const stator_bytes*,
                    std::uint64_t) { return stator_status{STATOR_OK}; };
    return made;
  }();
  return &kEngine;
}

constexpr const char* kStream =
    R"({"op":"list","filter":"f","stream":true,"payload_format":"json"})";

class SessionPagesTest : public test::PlayedSession {
 protected:
  SessionPagesTest() : PlayedSession(&engine) { session_ = std::make_unique<Session>(host_, 0, 1); }
  void ask(const std::string& body) {
    const std::string frame = test::frame_of(body);
    EXPECT_EQ(session_->on_bytes(frame, 1), frame.size());
  }
  std::vector<std::string> sent() { return test::take_bodies(session_->output()); }
  std::string text_of(const Task& task, std::size_t arg) {
    return std::string(args_of(task).str(arg));
  }
  // The one request that lanes have.
  Task& task() {
    EXPECT_EQ(link_.submitted.size(), 1u);
    return *link_.submitted.at(0);
  }
  // It is answered. `next`: the cursor of the page behind it.
  void answer(const std::string& payload, const std::string& next) {
    task().payload.append(payload);
    task().next_page = next;
    give_back();
  }
  void give_back() {
    std::vector<Task*> done;
    std::swap(link_.submitted, link_.answered);
    dispatcher_.collect(done);
    for (Task* one : done) session_->on_answer(one);
  }

  std::unique_ptr<Session> session_;
};

TEST_F(SessionPagesTest, EveryPageIsAPartAndTheLastOneIsTheEnd) {
  ask(kStream);
  EXPECT_FALSE(args_of(task()).has(1));
  answer("1", "at one");
  EXPECT_THAT(
      sent(),
      ElementsAre(
          R"({"request_id":1,"status":"partial","payload":1,"watermark_lsn":9,"error_code":null})"));
  EXPECT_EQ(session_->in_flight(), 0u) << "it has left the order";
  EXPECT_EQ(host_.streams_open, 1u);
  EXPECT_EQ(text_of(task(), 0), "f") << "the other arguments are as they were";
  EXPECT_EQ(text_of(task(), 1), "at one");
  answer("2", "at two");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("status":"partial","payload":2)")));
  EXPECT_EQ(text_of(task(), 1), "at two");
  answer("3", "");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"({"request_id":1,"status":"ok","payload":3)")));
  EXPECT_EQ(host_.streams_open, 0u);
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionPagesTest, WhatHasOnePageHasOneAnswer) {
  ask(kStream);
  answer("1", "");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("status":"ok","payload":1)")));
  ask(R"({"op":"list","payload_format":"json"})");
  answer("1", "there is more");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("status":"ok","payload":1)")))
      << "nobody asked for a stream";
  EXPECT_THAT(link_.submitted, IsEmpty());
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionPagesTest, TheArgumentsDoNotGrowFromPageToPage) {
  ask(kStream);
  answer("1", std::string(100, 'x'));
  const std::size_t bytes = task().args.size();
  for (int i = 0; i < 50; ++i) answer("1", std::string(100, 'y'));
  EXPECT_EQ(task().args.size(), bytes);
  EXPECT_EQ(text_of(task(), 1), std::string(100, 'y'));
}

TEST_F(SessionPagesTest, AsksForMoreOnlyWhenTheClientHasTakenWhatItWasSent) {
  ask(kStream);
  const std::string page = '"' + std::string(kStreamBytesUnsentMax / 4, 'x') + '"';
  std::size_t given = 0;
  for (; !link_.submitted.empty() && given < 100; ++given) answer(page, "on");
  EXPECT_LE(given, 5u) << "pages are asked for although nobody reads";
  EXPECT_EQ(host_.streams_paused, 1u);
  sent();
  session_->resume_streams();
  EXPECT_EQ(host_.streams_paused, 0u);
  answer("2", "");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("status":"ok")")));
}

// A client that does not read takes nothing of a page's time.
TEST_F(SessionPagesTest, EveryPageHasTheTimeThatTheRequestHad) {
  ask(R"({"op":"list","stream":true,"deadline_ms":5000})");
  const std::uint64_t first = task().deadline_ns;
  answer("1", "on");
  EXPECT_GT(task().deadline_ns, first + 1'000'000'000)
      << "the test's first request came at the beginning of all time";
  const std::uint64_t second = task().deadline_ns;
  answer("1", "on");
  EXPECT_GE(task().deadline_ns, second);
  EXPECT_LT(task().deadline_ns, second + 5'000'000'000);
}

TEST_F(SessionPagesTest, AnErrorOfAPageIsTheLastFrame) {
  ask(kStream);
  answer("1", "on");
  sent();
  task().refuse(Error(ErrorCode::kDeadlineExceeded, "late"));
  give_back();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("error_code":"deadline_exceeded")")));
  EXPECT_EQ(host_.streams_open, 0u);
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionPagesTest, OneWhoseNextPageIsMadeIsCancelledAtOnce) {
  ask(kStream);
  answer("1", "on");
  sent();
  ask(R"({"op":"cancel","request_id":1})");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("request_id":1,"status":"error")"),
                                  HasSubstr(R"("request_id":2,"status":"ok")")));
  EXPECT_TRUE(task().was_cancelled());
  EXPECT_EQ(host_.streams_open, 0u);
  answer("2", "on");
  EXPECT_THAT(sent(), IsEmpty()) << "what comes of it is dropped";
  EXPECT_THAT(link_.submitted, IsEmpty());
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionPagesTest, OneThatIsPausedIsCancelled) {
  ask(kStream);
  while (!link_.submitted.empty())
    answer('"' + std::string(kStreamBytesUnsentMax, 'x') + '"', "on");
  ask(R"({"op":"cancel","request_id":1})");
  EXPECT_THAT(sent().back(), HasSubstr(R"("request_id":2,"status":"ok")"));
  EXPECT_EQ(host_.streams_paused, 0u);
  EXPECT_EQ(pool_.taken(), 0u);
}

// Its first page is there, and an earlier request is not answered.
TEST_F(SessionPagesTest, OneThatWaitsForItsTurnIsCancelled) {
  ask(R"({"op":"list"})");
  ask(kStream);
  ASSERT_EQ(link_.submitted.size(), 2u);
  Task* first = link_.submitted.at(0);
  link_.submitted.erase(link_.submitted.begin());
  answer("1", "on");
  EXPECT_THAT(sent(), IsEmpty());
  ask(R"({"op":"cancel","request_id":2,"id":"c"})");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("id":"c","status":"ok")")));
  link_.submitted = {first};
  answer("0", "");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("request_id":1,"status":"ok")"),
                                  AllOf(HasSubstr(R"("request_id":2)"), HasSubstr("cancelled"))));
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionPagesTest, AClientThatGoesLeavesNothing) {
  ask(kStream);
  answer("1", "on");
  ask(R"({"op":"list","stream":true,"id":"other"})");
  session_.reset();
  EXPECT_EQ(host_.streams_open, 0u);
  for (const Task* one : link_.submitted) EXPECT_TRUE(one->was_cancelled());
  std::vector<Task*> done;
  std::swap(link_.submitted, link_.answered);
  dispatcher_.collect(done);
  for (Task* one : done) pool_.give_back(one);  // as the loop does where the connection is gone
  EXPECT_EQ(pool_.taken(), 0u);
}

// Unlike a subscription it has an end, and what a client has asked for it is owed.
TEST_F(SessionPagesTest, AClientThatEndsItsSideGetsAllPages) {
  ask(kStream);
  answer("1", "on");
  sent();
  session_->end_of_input();
  EXPECT_TRUE(session_->owes());
  answer("2", "");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("status":"ok","payload":2)")));
  EXPECT_FALSE(session_->owes());
}

TEST_F(SessionPagesTest, AlsoWhereItEndsItsSideBeforeTheFirstPage) {
  ask(kStream);
  session_->end_of_input();
  EXPECT_TRUE(session_->owes());
  answer("1", "on");
  EXPECT_TRUE(session_->owes());
  answer("2", "");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("partial"), HasSubstr(R"("status":"ok","payload":2)")));
  EXPECT_FALSE(session_->owes());
}

TEST_F(SessionPagesTest, WhenTheLaneStopsOrStandsStillNoneGoesOn) {
  ask(kStream);
  answer("1", "on");
  ask(R"({"op":"list","stream":true,"id":"other"})");
  ASSERT_EQ(link_.submitted.size(), 2u);
  sent();
  host_.is_ending_streams = true;
  session_->end_streams_at_stop();
  EXPECT_THAT(sent(), ElementsAre(AllOf(HasSubstr(R"("request_id":1)"), HasSubstr("busy"))));
  link_.submitted.erase(link_.submitted.begin());
  answer("1", "on");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("partial"), HasSubstr(R"("error_code":"busy")")));
  EXPECT_THAT(link_.submitted, IsEmpty()) << "a lane that drains would never come to an end";
}

TEST_F(SessionPagesTest, SixteenAtOnceSubscriptionsIncluded) {
  for (std::size_t i = 0; i + 1 < kStreamsPerConnectionMax; ++i) ask(kStream);
  ask(R"({"op":"subscribe","id":1})");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("partial")));
  ask(R"({"op":"list","stream":true,"id":2})");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("resources_exhausted")));
  EXPECT_EQ(link_.submitted.size(), kStreamsPerConnectionMax - 1) << "before any work";
  give_back();
  sent();
  ask(R"({"op":"list","stream":true,"id":3})");
  EXPECT_EQ(link_.submitted.size(), 1u);
  answer("1", "");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("status":"ok")")));
}

// Each lane's part is no page; the merged answer is.
TEST_F(SessionPagesTest, PagesOfAllLanesAreMergedOneByOne) {
  ask(R"({"op":"list_all","stream":true,"payload_format":"json"})");
  for (int page = 0; page < 3; ++page) {
    EXPECT_EQ(task().kind, bridge::TaskKind::kExecute);
    EXPECT_EQ(text_of(task(), 1), page == 0 ? "" : "at " + std::to_string(page));
    answer("part", "of a lane");
    EXPECT_EQ(task().kind, bridge::TaskKind::kMerge);
    EXPECT_THAT(task().parts, ElementsAre(ByteView("part")));
    answer(std::to_string(page), page < 2 ? "at " + std::to_string(page + 1) : "");
  }
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("partial","payload":0)"),
                                  HasSubstr(R"("payload":1)"), HasSubstr(R"("ok","payload":2)")));
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionPagesTest, TheRightsAreThoseOfTheMomentInWhichAPageIsAskedFor) {
  auth::Identity reader = auth::anonymous();
  session_->set_identity(reader);
  ask(kStream);
  reader.rights = {};
  session_->set_identity(reader);
  answer("1", "on");
  EXPECT_THAT(sent(),
              ElementsAre(HasSubstr("partial"), HasSubstr(R"("error_code":"rejected_authz")")));
  EXPECT_THAT(link_.submitted, IsEmpty());
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionPagesTest, AnOpOfABatchHasOneAnswer) {
  ask(R"({"op":"batch","ops":[{"op":"list","stream":true}]})");
  EXPECT_THAT(sent(),
              ElementsAre(AllOf(HasSubstr("bad_request"), HasSubstr(R"("ops[0].stream")"))));
}

TEST_F(SessionPagesTest, WhatIsReadBeforeItIsDurableWaits) {
  ask(kStream);
  EXPECT_FALSE(task().is_held_by_session) << "the lane keeps the page back, in no order of others";
  EXPECT_THAT(sent(), Not(testing::Contains(HasSubstr("partial"))));
}

}  // namespace
}  // namespace stator::session
