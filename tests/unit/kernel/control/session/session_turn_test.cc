// How much of what a client sends ahead is carried out in one turn; nothing is executed here.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "control/session/session.h"
#include "control/session/session_ops.h"
#include "support/frames.h"
#include "support/played_session.h"

namespace stator::session {
namespace {

class SessionTurnTest : public test::PlayedSession {
 protected:
  SessionTurnTest() { session_ = std::make_unique<Session>(host_, 0, 1); }
  // Gives the session what is left of `frames`; returns how many frames it took.
  std::size_t turn(std::string& frames, std::size_t frame_bytes) {
    const std::size_t taken = session_->on_bytes(frames, 1);
    EXPECT_EQ(taken % frame_bytes, 0U);
    frames.erase(0, taken);
    return taken / frame_bytes;
  }
  static std::string repeated(const std::string& frame, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += frame;
    return all;
  }
  std::size_t answers() { return test::take_bodies(session_->output()).size(); }

  std::unique_ptr<Session> session_;
};

TEST_F(SessionTurnTest, WhatIsAnsweredAtOnceIsTakenInTurns) {
  for (const char* body : {R"({"op":"ping"})", R"({"op":"nonsense"})", "{"}) {
    const std::string frame = test::frame_of(body);
    std::string frames = repeated(frame, 2 * kAnsweredAtOnceMax + 5);
    EXPECT_EQ(turn(frames, frame.size()), kAnsweredAtOnceMax) << body;
    EXPECT_TRUE(session_->is_turn_over());
    EXPECT_EQ(turn(frames, frame.size()), kAnsweredAtOnceMax) << body;
    EXPECT_TRUE(session_->is_turn_over());
    EXPECT_EQ(turn(frames, frame.size()), 5U) << body;
    EXPECT_FALSE(session_->is_turn_over());
    EXPECT_EQ(answers(), 2 * kAnsweredAtOnceMax + 5);
  }
}

TEST_F(SessionTurnTest, NoTurnIsOverAtItsLastFrame) {
  const std::string frame = test::frame_of(R"({"op":"ping"})");
  std::string frames = repeated(frame, kAnsweredAtOnceMax);
  EXPECT_EQ(turn(frames, frame.size()), kAnsweredAtOnceMax);
  EXPECT_FALSE(session_->is_turn_over());
}

TEST_F(SessionTurnTest, WhoHasMuchToReadReadsFirst) {
  session_->output().append(std::string(kOutputBytesPerConnection, 'x'));
  const std::string frame = test::frame_of(R"({"op":"ping"})");
  std::string frames = frame;
  EXPECT_EQ(turn(frames, frame.size()), 0U);
  EXPECT_TRUE(session_->is_turn_over());
  session_->output().consume(1);
  EXPECT_EQ(turn(frames, frame.size()), 1U);
  EXPECT_FALSE(session_->is_turn_over());
}

}  // namespace
}  // namespace stator::session
