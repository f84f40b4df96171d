// Answers in parts, with a desk that the test plays.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/session/session.h"
#include "control/session/session_ops.h"
#include "support/frames.h"
#include "support/played_session.h"

namespace stator::session {
namespace {

using bridge::Task;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SessionStreamTest : public test::PlayedSession {
 protected:
  SessionStreamTest() { session_ = std::make_unique<Session>(host_, 0, 1); }
  void ask(const std::string& body) {
    const std::string frame = test::frame_of(body);
    EXPECT_EQ(session_->on_bytes(frame, 1), frame.size());
  }
  // The bodies of the frames that were sent since the last look.
  std::vector<std::string> sent() { return test::take_bodies(session_->output()); }
  // The desk gives the task that was asked for first its next part.
  void give(const std::vector<std::string>& parts) {
    Task* task = desk_.asked.at(0);
    desk_.asked.erase(desk_.asked.begin());
    test::PlayedDesk::give(*task, parts);
    session_->on_answer(task);
  }

  std::unique_ptr<Session> session_;
};

constexpr const char* kSubscribe = R"({"op":"subscribe","payload_format":"json"})";

TEST_F(SessionStreamTest, EveryPartIsAFrameOfTheSameRequest) {
  ask(kSubscribe);
  EXPECT_THAT(
      sent(),
      ElementsAre(
          R"({"request_id":1,"status":"partial","payload":"first","watermark_lsn":9,"error_code":null})"));
  give({"a", "b"});
  EXPECT_THAT(sent(),
              ElementsAre(HasSubstr(R"({"request_id":1,"status":"partial","payload":"a")"),
                          HasSubstr(R"({"request_id":1,"status":"partial","payload":"b")")));
  EXPECT_EQ(desk_.asked.size(), 1u) << "one part is on its way at a time";
  EXPECT_EQ(session_->in_flight(), 0u) << "it has left the order";
  EXPECT_EQ(host_.streams_open, 1u);
}

TEST_F(SessionStreamTest, AsksForMoreOnlyWhenTheClientHasTakenWhatItWasSent) {
  ask(kSubscribe);
  const std::string part(kStreamBytesUnsentMax / 4, 'x');
  std::size_t given = 0;
  for (; !desk_.asked.empty() && given < 100; ++given) give({part});
  EXPECT_LE(given, 4u) << "the desk is asked although nobody reads";
  EXPECT_LE(session_->output().size(), kStreamBytesUnsentMax + part.size() + 1024);
  EXPECT_EQ(host_.streams_paused, 1u);
  session_->resume_streams();
  EXPECT_THAT(desk_.asked, IsEmpty()) << "nothing was taken yet";
  ask(R"({"op":"ping"})");
  EXPECT_THAT(sent().back(), HasSubstr(R"("request_id":2,"status":"ok")")) << "others are answered";
  session_->resume_streams();
  EXPECT_EQ(desk_.asked.size(), 1u);
  EXPECT_EQ(host_.streams_paused, 0u);
  give({"on"});
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("payload":"on")")));
}

TEST_F(SessionStreamTest, OneThatIsPausedCanBeEnded) {
  ask(kSubscribe);
  while (!desk_.asked.empty()) give({std::string(kStreamBytesUnsentMax, 'x')});
  EXPECT_EQ(host_.streams_paused, 1u);
  ask(R"({"op":"unsubscribe","request_id":1,"id":"u"})");
  const auto frames = sent();
  EXPECT_THAT(frames.at(frames.size() - 2),
              HasSubstr(R"({"request_id":1,"status":"ok","payload":{"next_lsn":7})"));
  EXPECT_THAT(frames.back(), HasSubstr(R"("id":"u","status":"ok")"));
  EXPECT_EQ(host_.streams_paused, 0u);
  EXPECT_EQ(host_.streams_open, 0u);
  EXPECT_EQ(desk_.closed, 1u);
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionStreamTest, AClientThatGoesClosesItsStreams) {
  ask(kSubscribe);
  ask(kSubscribe);
  give({"a"});
  session_.reset();
  EXPECT_EQ(desk_.closed, 2u);
  EXPECT_EQ(host_.streams_open, 0u);
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionStreamTest, AClientThatEndsItsSideEndsItsStreams) {
  ask(kSubscribe);
  sent();
  session_->end_of_input();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("error_code":"cancelled")")));
  EXPECT_FALSE(session_->has_streams());
  EXPECT_EQ(desk_.closed, 1u);
}

TEST_F(SessionStreamTest, AtTheStopOfTheServerStreamsEndWithAnErrorThatSaysSo) {
  ask(kSubscribe);
  sent();
  session_->end_streams_at_stop();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("error_code":"busy")")));
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(SessionStreamTest, AnErrorOfTheDeskIsTheLastFrame) {
  ask(kSubscribe);
  sent();
  Task* task = desk_.asked.at(0);
  desk_.asked.clear();
  task->is_partial = false;
  task->refuse(Error(ErrorCode::kCorrupted, "broken"));
  session_->on_answer(task);
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(R"("error_code":"corrupted")")));
  EXPECT_EQ(desk_.closed, 0u) << "it is closed already";
  EXPECT_EQ(pool_.taken(), 0u);
}

}  // namespace
}  // namespace stator::session
