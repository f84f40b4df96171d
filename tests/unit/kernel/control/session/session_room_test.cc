// What open requests hold, and what happens where it is too much; the test plays the core.
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
using testing::HasSubstr;

constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::size_t kRoom = 64 * kMiB;

constexpr stator_arg kArgs[] = {make_arg(STATOR_ARG_JSON, "data", "", {})};
constexpr stator_op kPut = make_op({.op_class = STATOR_OP_WRITE,
                                    .permission = STATOR_PERM_WRITE,
                                    .placement = STATOR_PLACE_COLLECTION,
                                    .name = "put",
                                    .doc = "",
                                    .result = "",
                                    .example = "{}",
                                    .args = kArgs});
constexpr stator_op kEverywhere = make_op({.op_class = STATOR_OP_WRITE,
                                           .permission = STATOR_PERM_WRITE,
                                           .placement = STATOR_PLACE_ALL,
                                           .name = "everywhere",
                                           .doc = "",
                                           .result = "",
                                           .example = "{}",
                                           .args = kArgs});

const stator_engine_v1* engine(const stator_kernel_hello*) {
  static const stator_op* const kOps[] = {&kPut, &kEverywhere};
  static const stator_engine_v1 kEngine = [] {
    stator_engine_v1 played = test::played_engine("played", kOps);
    played.merge = [](const stator_instance*, const stator_request*, const stator_bytes*,
                      std::uint64_t) { return stator_status{STATOR_OK}; };
    return played;
  }();
  return &kEngine;
}

class SessionRoomTest : public test::PlayedSession {
 protected:
  SessionRoomTest() : PlayedSession(&engine) { host_.room.bytes_max = kRoom; }
  ~SessionRoomTest() override {
    sessions_.clear();
    for (Task* task : tasks()) {
      if (task->parent != nullptr) pool_.give_back(task->parent);
      pool_.give_back(task);
    }
    EXPECT_EQ(host_.room.bytes, 0u) << "what has rested holds nothing";
  }
  std::size_t add_client() {
    sessions_.push_back(
        std::make_unique<Session>(host_, static_cast<std::uint32_t>(sessions_.size()), 1));
    return sessions_.size() - 1;
  }
  Session& client(std::size_t i) { return *sessions_[i]; }
  // Whether the frame was taken.
  bool put(std::size_t i, std::size_t bytes, const std::string& more = "",
           const std::string& op = "put") {
    const std::string frame = test::frame_of(R"({"op":")" + op + R"(","data":")" +
                                             std::string(bytes, 'x') + "\"" + more + "}");
    return client(i).on_bytes(frame, ++now_) == frame.size();
  }
  std::vector<Task*>& tasks() {
    tasks_.insert(tasks_.end(), link_.submitted.begin(), link_.submitted.end());
    link_.submitted.clear();
    return tasks_;
  }
  void answer(std::size_t at) {
    Task* task = tasks().at(at);
    tasks_.erase(tasks_.begin() + static_cast<std::ptrdiff_t>(at));
    if (task->was_cancelled()) task->refuse_as_cancelled();
    const std::uint32_t session = task->connection;
    sessions_[session]->on_answer(task);
  }
  std::string sent(std::size_t i) {
    std::string out(client(i).output().view());
    client(i).output().clear();
    return out;
  }

  std::vector<Task*> tasks_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::uint64_t now_ = 0;
};

TEST_F(SessionRoomTest, AConnectionIsNotReadWhileItHoldsAPartOfTheRoom) {
  const std::size_t one = add_client();
  int taken = 0;
  while (taken < 100 && put(one, 4 * kMiB)) ++taken;
  EXPECT_GE(taken, 2);
  EXPECT_LE(taken, 4);
  EXPECT_GE(client(one).open_bytes(), kRoom / 4);
  EXPECT_LT(host_.room.bytes, kRoom / 2);
  const std::size_t other = add_client();
  EXPECT_TRUE(put(other, 4 * kMiB)) << "another has its own part";
  answer(0);
  EXPECT_TRUE(put(one, 4 * kMiB)) << "and it goes on when it holds less";
}

TEST_F(SessionRoomTest, InAFullRoomWhoAsksForLittleIsServed) {
  for (int i = 0; i < 100 && !host_.room.is_full; ++i) put(add_client(), 8 * kMiB);
  const std::size_t late = add_client();
  EXPECT_TRUE(put(late, 1 * kMiB));
  EXPECT_THAT(sent(late), HasSubstr(R"("error_code":"busy")"));
  EXPECT_EQ(client(late).in_flight(), 0u);
  EXPECT_TRUE(put(late, 100));
  EXPECT_EQ(sent(late), "") << "it is carried out";
  EXPECT_EQ(client(late).in_flight(), 1u);
  // Who holds something is not read on, until there is room.
  EXPECT_FALSE(put(0, 100));
  while (tasks().size() > 2) answer(1);
  EXPECT_TRUE(host_.room.note_shrinking());
  EXPECT_TRUE(put(late, 1 * kMiB));
  EXPECT_EQ(sent(late), "");
}

TEST_F(SessionRoomTest, WhoWaitsForAnLsnGivesWay) {
  const std::size_t one = add_client();
  put(one, 1000);
  put(one, 4 * kMiB, R"(,"min_lsn":10)");
  put(one, 1000, R"(,"min_lsn":9)");
  EXPECT_EQ(client(one).early_since_ns(), 2u);
  client(one).give_up_early();
  EXPECT_EQ(client(one).early_since_ns(), 0u) << "once";
  ASSERT_EQ(tasks().size(), 2u) << "the last one keeps behind it";
  answer(0);
  EXPECT_THAT(sent(one), HasSubstr(R"("status":"ok")"));
  answer(0);
  const std::string refused = sent(one);
  EXPECT_THAT(refused, HasSubstr(R"("error_code":"busy")"));
  EXPECT_THAT(refused, HasSubstr("min_lsn"));
  EXPECT_THAT(refused, HasSubstr("retry_after_ms"));
  answer(0);
  EXPECT_THAT(sent(one), HasSubstr(R"("status":"ok")"));
}

TEST_F(SessionRoomTest, AnAnswerThatWaitsForOneBeforeItKeepsNoArguments) {
  const std::size_t one = add_client();
  put(one, 10);
  put(one, 4 * kMiB);
  const std::size_t before = host_.room.bytes;
  answer(1);
  EXPECT_LT(host_.room.bytes, before - 4 * kMiB);
  EXPECT_LT(client(one).open_bytes(), 100'000u);
}

// Whether a stream may go on is looked up by what was asked for, also where its first part waited,
// and whatever room its task had for that.
TEST_F(SessionRoomTest, AStreamThatBeginsLateKeepsItsArguments) {
  const std::size_t one = add_client();
  put(one, 20'000);
  put(one, 20'000);
  while (!tasks().empty()) answer(0);  // they rest now, with their buffers
  put(one, 10);
  sent(one);
  const std::string subscribe = test::frame_of(R"({"op":"subscribe","payload_format":"json"})");
  EXPECT_EQ(client(one).on_bytes(subscribe, 1), subscribe.size());
  EXPECT_EQ(sent(one), "") << "an earlier request is open";
  answer(0);
  EXPECT_THAT(sent(one), HasSubstr(R"("status":"partial")"));
  ASSERT_FALSE(desk_.asked.empty());
  test::PlayedDesk::give(*desk_.asked.front(), {"part"});
  client(one).on_answer(desk_.asked.front());
  EXPECT_THAT(sent(one), HasSubstr(R"("status":"partial")"));
}

TEST_F(SessionRoomTest, AStreamThatEndsBeforeItsTurnLeavesNothingWaiting) {
  // Each alone: what one leaves too much may be what the other takes too much.
  for (const char* end : {"cancel", "unsubscribe"}) {
    const std::size_t one = add_client();
    put(one, 10);
    for (const std::string& body :
         {std::string(R"({"op":"subscribe"})"),
          R"({"op":")" + std::string(end) + R"(","request_id":2,"id":"e"})"}) {
      const std::string frame = test::frame_of(body);
      EXPECT_EQ(client(one).on_bytes(frame, 1), frame.size());
    }
    answer(0);
    EXPECT_EQ(client(one).in_flight(), 0u) << end;
    EXPECT_EQ(client(one).waiting_bytes(), 0u) << end;
  }
}

TEST_F(SessionRoomTest, WhatLanesHaveCopiedAndABatchsRequestsCount) {
  const std::size_t one = add_client();
  put(one, 1 * kMiB, "", "everywhere");
  EXPECT_GE(client(one).open_bytes(), 1 * kMiB);
  const std::size_t before = client(one).open_bytes();
  const std::string batch =
      R"({"op":"batch","ops":[{"op":"put","data":")" + std::string(kMiB, 'x') + "\"}]}";
  const std::string frame = test::frame_of(batch);
  EXPECT_EQ(client(one).on_bytes(frame, 1), frame.size());
  EXPECT_GE(client(one).open_bytes(), before + 2 * kMiB) << "its text and its request";
  // The room is that of all, and what it holds is counted until it rests.
  EXPECT_EQ(host_.room.bytes, client(one).open_bytes());
}

}  // namespace
}  // namespace stator::session
