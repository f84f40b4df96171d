#include "control/dispatch/dispatcher.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "bridge/claim.h"
#include "stator/args.hpp"

namespace stator::dispatch {
namespace {

using bridge::Task;

// Two lanes; the test plays the cores.
class DispatcherTest : public testing::Test {
 protected:
  // A block with one STR argument.
  Task* request(const std::string& key) {
    Task* task = pool_.take();
    task->tenant = TenantId{1};
    task->collection = "c";
    const std::size_t values = sizeof(stator_arg_block);
    task->args.extend(values + sizeof(stator_value) + key.size(), 64);
    auto* block = reinterpret_cast<stator_arg_block*>(task->args.data());
    *block = {sizeof(stator_arg_block), static_cast<std::uint32_t>(task->args.size()), 1, 1, 0, 1};
    reinterpret_cast<stator_value*>(task->args.data() + values)->slice = {
        static_cast<std::uint32_t>(values + sizeof(stator_value)), static_cast<std::uint32_t>(key.size())};
    std::memcpy(task->args.data() + values + sizeof(stator_value), key.data(), key.size());
    return task;
  }
  // What the core of `lane` was given.
  std::vector<Task*> given_to(std::uint32_t lane) {
    std::vector<Task*> got(10'000);
    home_.flush();
    if (lane == 0) return std::exchange(link_.submitted, {});
    got.resize(mesh_.requests(LaneId{0}, LaneId{lane}).pop(got));
    return got;
  }
  void answer_from(std::uint32_t lane, Task* task) {
    if (lane == 0) return link_.answered.push_back(task);
    Task* one[] = {task};
    ASSERT_EQ(mesh_.answers(LaneId{lane}, LaneId{0}).push(one), 1u);
  }
  std::vector<Task*> done() {
    std::vector<Task*> out;
    home_.receive();
    home_.collect(out);
    return out;
  }

  std::string key_of(LaneId lane) const {
    for (int i = 0;; ++i) {
      const std::string key = "doc-" + std::to_string(i);
      if (map_.lane_of(map_.of(TenantId{1}, key)) == lane) return key;
    }
  }
  std::string key_of_lane_0() const { return key_of(LaneId{0}); }
  std::string key_of_lane_1() const { return key_of(LaneId{1}); }
  std::size_t fill(bridge::Priority priority);

  bridge::LaneMesh mesh_{2};
  bridge::VShardMap map_{{1, 2}, bridge::VShardMap::even(2)};
  bridge::CoreLink link_;
  bridge::TaskPool pool_;
  Dispatcher home_{LaneId{0}, mesh_, map_, link_, pool_};
};

TEST_F(DispatcherTest, ADocumentGoesToTheLaneThatOwnsIt) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = "doc-" + std::to_string(i);
    Task* task = request(key);
    ASSERT_TRUE(home_.dispatch(task, {Placement::kDocument, 0, 0}).ok());
    const LaneId owner = map_.lane_of(map_.of(TenantId{1}, key));
    const auto got = given_to(owner.value());
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0], task);
    answer_from(owner.value(), task);
    EXPECT_EQ(done(), std::vector<Task*>{task});
  }
  EXPECT_TRUE(home_.is_idle());
}

TEST_F(DispatcherTest, AnAllOpIsMergedAfterTheLastPart) {
  Task* task = request("k");
  ASSERT_TRUE(home_.dispatch(task, {Placement::kAll, 0, 0}).ok());
  Task* here = given_to(0).at(0);
  Task* there = given_to(1).at(0);
  EXPECT_EQ(Args(reinterpret_cast<const stator_arg_block*>(there->args.data())).str(0), "k");
  there->payload.append("part of 1");
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  EXPECT_TRUE(given_to(0).empty()) << "one part is still out";
  here->payload.append("part of 0");
  answer_from(0, here);
  EXPECT_TRUE(done().empty());
  const auto merges = given_to(0);
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0], task);
  EXPECT_EQ(task->kind, bridge::TaskKind::kMerge);
  ASSERT_EQ(task->parts.size(), 2u);
  EXPECT_EQ(task->parts[0], "part of 0");
  EXPECT_EQ(task->parts[1], "part of 1");
  answer_from(0, task);
  EXPECT_EQ(done(), std::vector<Task*>{task});
  pool_.give_back(task);
  EXPECT_EQ(pool_.taken(), 0u);
}

TEST_F(DispatcherTest, AnOpOfTheCoreStaysOneInItsPartsAndItsMerge) {
  Task* task = request("k");
  task->core_op = bridge::CoreOp::kCheckpoint;
  ASSERT_TRUE(home_.dispatch(task, {Placement::kAll, 0, 0}).ok());
  Task* here = given_to(0).at(0);
  Task* there = given_to(1).at(0);
  EXPECT_EQ(here->core_op, bridge::CoreOp::kCheckpoint);
  EXPECT_EQ(there->core_op, bridge::CoreOp::kCheckpoint);
  answer_from(0, here);
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  ASSERT_EQ(given_to(0).size(), 1u);
  EXPECT_EQ(task->core_op, bridge::CoreOp::kCheckpoint);
  EXPECT_EQ(task->kind, bridge::TaskKind::kMerge);
  answer_from(0, task);
  done();
  pool_.give_back(task);
  EXPECT_EQ(pool_.take()->core_op, bridge::CoreOp::kNone);
}

TEST_F(DispatcherTest, EveryPartIsBoundByTheRowPoliciesOfItsRequest) {
  Task* task = request("k");
  task->rows = std::make_unique<const RowRules>(RowRules{"seen", "written", "'own'"});
  ASSERT_TRUE(home_.dispatch(task, {Placement::kAll, 0, 0}).ok());
  for (const std::uint32_t lane : {0u, 1u}) {
    const Task* part = given_to(lane).at(0);
    ASSERT_NE(part->rows, nullptr);
    EXPECT_EQ(part->rows->visible, "seen");
    EXPECT_EQ(part->rows->writable, "written");
  }
}

// Twice what one request can have on both lanes is four parts.
TEST_F(DispatcherTest, PartsThatWaitForASlowLaneAreBounded) {
  home_.set_part_bytes(0);
  const Route all_lanes = {Placement::kAll, 0, 0, false, true};
  std::vector<Task*> parents;
  for (int i = 0; i < 6; ++i) {
    parents.push_back(request("k"));
    ASSERT_TRUE(home_.dispatch(parents.back(), all_lanes).ok());
  }
  const std::vector<Task*> here = given_to(0);
  const std::vector<Task*> there = given_to(1);
  for (Task* part : here) {
    part->payload.append(std::string(kPayloadBytesMax, 'x'));
    part->is_read = part != here[5];  // what was written is told
    answer_from(0, part);
  }
  EXPECT_TRUE(done().empty());
  EXPECT_EQ(here[4]->payload.capacity(), 0u);
  Task* late = request("k");
  Status refused = home_.dispatch(late, all_lanes);
  EXPECT_EQ(refused.error().code(), ErrorCode::kBusy);
  EXPECT_GT(refused.error().retry_after_ms(), 0u);
  EXPECT_TRUE(given_to(0).empty()) << "nothing was begun";
  for (Task* part : there) answer_from(1, part);
  EXPECT_EQ(done(), std::vector<Task*>{parents[4]});
  EXPECT_EQ(parents[4]->code, ErrorCode::kBusy);
  EXPECT_EQ(given_to(0),
            (std::vector<Task*>{parents[0], parents[1], parents[2], parents[3], parents[5]}));
  EXPECT_TRUE(home_.dispatch(late, all_lanes).ok()) << "there is room again";
}

TEST_F(DispatcherTest, ALaneThatWaitsForItsAnswersToBeTakenIsWoken) {
  bridge::AnswersAway& away = mesh_.answers_away(LaneId{1}, LaneId{0});
  const auto take = [&](std::size_t bytes) {
    Task* task = request(key_of_lane_1());
    EXPECT_TRUE(home_.dispatch(task, {Placement::kDocument, 0, 0}).ok());
    given_to(1);
    mesh_.doorbell(LaneId{1}).awake();
    away.give(task->away_bytes = bytes);
    const bool waits = away.is_full() && away.wait();
    answer_from(1, task);
    done();
    const bool is_rung = !mesh_.doorbell(LaneId{1}).about_to_sleep();
    mesh_.doorbell(LaneId{1}).awake();
    EXPECT_EQ(is_rung, waits);
    return waits;
  };
  EXPECT_FALSE(take(1));
  EXPECT_TRUE(take(kAnswerBytesAwayMax / 2));
  EXPECT_FALSE(away.is_full());
}

TEST_F(DispatcherTest, AnswersOfABatchThatAreTooLargeTogetherAreNotKept) {
  Task* batch = pool_.take();
  batch->tenant = TenantId{1};
  batch->is_atomic = false;
  for (std::uint32_t i = 0; i < 3; ++i) {
    Task* item = request(key_of_lane_0());
    item->item = i;
    ASSERT_TRUE(home_.place(item, {Placement::kDocument, 0, 0}).ok());
    batch->items.push_back(item);
  }
  ASSERT_TRUE(home_.dispatch_batch(batch).ok());
  for (Task* item : given_to(0)) {
    item->payload.append(std::string(kPayloadBytesMax - 1, 'x'));
    answer_from(0, item);
  }
  EXPECT_EQ(done(), std::vector<Task*>{batch});
  EXPECT_GT(batch->items_bytes, kPayloadBytesMax);
  for (const std::size_t i : {1u, 2u}) EXPECT_EQ(batch->items[i]->payload.capacity(), 0u);
}

TEST_F(DispatcherTest, AFailedPartIsTheAnswer) {
  Task* task = request("k");
  ASSERT_TRUE(home_.dispatch(task, {Placement::kAll, 0, 0}).ok());
  Task* here = given_to(0).at(0);
  Task* there = given_to(1).at(0);
  there->refuse(Error(ErrorCode::kBusy, "too much").with_retry_after(7));
  answer_from(0, here);
  answer_from(1, there);
  EXPECT_EQ(done(), std::vector<Task*>{task});
  EXPECT_EQ(task->code, ErrorCode::kBusy);
  EXPECT_EQ(task->retry_after_ms, 7u);
}

TEST_F(DispatcherTest, AFailedPartSaysThatOthersHaveWritten) {
  Task* task = request("k");
  ASSERT_TRUE(home_.dispatch(task, {Placement::kAll, 0, 0}).ok());
  Task* here = given_to(0).at(0);
  Task* there = given_to(1).at(0);
  here->lsn = Lsn{5};
  there->refuse(Error(ErrorCode::kDeadlineExceeded, "it was too late"));
  answer_from(0, here);
  answer_from(1, there);
  EXPECT_EQ(done(), std::vector<Task*>{task});
  EXPECT_EQ(task->error_sentence, "it was too late; other parts of the request were carried out");
}

TEST_F(DispatcherTest, ACancelReachesEveryPartOfARequest) {
  Task* task = request("k");
  ASSERT_TRUE(home_.dispatch(task, {Placement::kAll, 0, 0}).ok());
  Task* other = request("k");
  ASSERT_TRUE(home_.dispatch(other, {Placement::kAny, 0, 0}).ok());
  static_cast<void>(mesh_.doorbell(LaneId{1}).about_to_sleep());
  home_.cancel(task);
  EXPECT_FALSE(mesh_.doorbell(LaneId{1}).about_to_sleep()) << "the lane that holds a part is woken";
  Task* here = given_to(0).at(0);
  EXPECT_TRUE(task->is_cancelled);
  EXPECT_TRUE(here->is_cancelled);
  EXPECT_TRUE(given_to(1).at(0)->is_cancelled);
  EXPECT_FALSE(other->is_cancelled);
  here->reset();
  EXPECT_FALSE(here->is_cancelled) << "the next request begins anew";
}

// As many requests of this priority as lane 1 takes.
std::size_t DispatcherTest::fill(bridge::Priority priority) {
  for (std::size_t taken = 0;; ++taken) {
    Task* task = request(key_of_lane_1());
    task->priority = priority;
    auto status = home_.dispatch(task, {Placement::kDocument, 0, 0});
    if (status.ok()) continue;
    EXPECT_EQ(status.error().code(), ErrorCode::kBusy);
    EXPECT_GT(status.error().retry_after_ms(), 0u);
    pool_.give_back(task);
    return taken;
  }
}

TEST_F(DispatcherTest, ARingThatFillsUpTakesLessAndLessAndAnswersAll) {
  std::size_t open = fill(bridge::Priority::kBackground);
  EXPECT_EQ(open, kRingPressed) << "at 85 % what can wait is refused";
  EXPECT_TRUE(home_.is_pressed());
  open += fill(bridge::Priority::kNormal);
  EXPECT_EQ(open, kRingFull) << "at 95 % everything but urgent requests";
  open += fill(bridge::Priority::kHigh);
  EXPECT_EQ(open, kRingRoom);
  EXPECT_EQ(fill(bridge::Priority::kCritical), 0u);
  EXPECT_EQ(home_.refusals().low, 1u);
  EXPECT_EQ(home_.refusals().busy, 3u);
  const std::vector<Task*> arrived = given_to(1);
  EXPECT_EQ(arrived.size(), open) << "everything that was accepted arrives";
  for (Task* task : arrived) answer_from(1, task);
  EXPECT_EQ(done().size(), open) << "and is answered";
  EXPECT_FALSE(home_.is_pressed());
  EXPECT_TRUE(home_.is_idle());
}

TEST_F(DispatcherTest, APressedHomeLaneRefusesWhatCanWait) {
  home_.set_home_queue(kRingPressed);
  EXPECT_TRUE(home_.is_home_pressed());
  Task* low = request("k");
  low->priority = bridge::Priority::kBackground;
  EXPECT_EQ(home_.dispatch(low, {Placement::kAny, 0, 0}).error().code(), ErrorCode::kBusy);
  EXPECT_TRUE(home_.dispatch(request("k"), {Placement::kAny, 0, 0}).ok());
}

// ---- a lane that is stuck -----------------------------------------------------------------------

TEST_F(DispatcherTest, WhatWaitsForAStuckLaneIsAnsweredByAnotherTask) {
  Task* task = request(key_of_lane_1());
  task->request_id = 7;
  task->entry = 5;
  task->arrived_ns = 11;
  task->connection = 3;
  task->client_id = "\"x\"";
  ASSERT_TRUE(home_.dispatch(task, {Placement::kDocument, 0, 0}).ok());
  ASSERT_EQ(given_to(1).size(), 1u);
  std::vector<Task*> answers;
  home_.set_stuck(LaneId{1}, answers);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_NE(answers[0], task) << "it may be in use there";
  EXPECT_EQ(answers[0]->code, ErrorCode::kLaneStuck);
  EXPECT_EQ(answers[0]->request_id, 7u);
  EXPECT_EQ(answers[0]->entry, 5u) << "it is counted as an answer of this op";
  EXPECT_EQ(answers[0]->arrived_ns, 11u);
  EXPECT_EQ(answers[0]->connection, 3u);
  EXPECT_EQ(answers[0]->client_id, "\"x\"");
  EXPECT_TRUE(task->is_cancelled);
  pool_.give_back(answers[0]);

  answers.clear();
  home_.set_stuck(LaneId{1}, answers);
  EXPECT_TRUE(answers.empty()) << "once";
  Task* next = request(key_of_lane_1());
  EXPECT_EQ(home_.dispatch(next, {Placement::kDocument, 0, 0}).error().code(),
            ErrorCode::kLaneStuck);
  EXPECT_EQ(home_.refusals().stuck, 2u);
  EXPECT_FALSE(home_.is_idle());

  answer_from(1, task);
  EXPECT_TRUE(done().empty()) << "it was answered before";
  EXPECT_TRUE(home_.is_idle());
  home_.set_well(LaneId{1});
  EXPECT_TRUE(home_.dispatch(next, {Placement::kDocument, 0, 0}).ok());
  EXPECT_EQ(pool_.taken(), 1u) << "nothing is lost";
}

TEST_F(DispatcherTest, AnAllOpIsAnsweredOnceWhenOneOfItsLanesIsStuck) {
  Task* task = request("k");
  ASSERT_TRUE(home_.dispatch(task, {Placement::kAll, 0, 0}).ok());
  Task* here = given_to(0).at(0);
  Task* there = given_to(1).at(0);
  answer_from(0, here);
  EXPECT_TRUE(done().empty());
  std::vector<Task*> answers;
  home_.set_stuck(LaneId{1}, answers);
  ASSERT_EQ(answers.size(), 1u);
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  EXPECT_TRUE(given_to(0).empty()) << "nothing is merged";
  EXPECT_EQ(pool_.taken(), 1u) << "only the answer is out";
}

TEST_F(DispatcherTest, ABatchLetsTheOtherLanesGoWhenOneIsStuck) {
  for (const bool has_prepared : {false, true}) {
    Task* batch = pool_.take();
    batch->request_id = 9;
    for (const std::string& key : {key_of_lane_0(), key_of_lane_1()}) {
      Task* item = request(key);
      ASSERT_TRUE(home_.place(item, {Placement::kDocument, 0, 0}).ok());
      batch->items.push_back(item);
    }
    ASSERT_TRUE(home_.dispatch_batch(batch).ok());
    Task* first = given_to(0).at(0);
    answer_from(0, first);
    EXPECT_TRUE(done().empty());
    Task* second = given_to(1).at(0);
    std::vector<Task*> answers;
    home_.set_stuck(LaneId{1}, answers);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0]->request_id, 9u);
    pool_.give_back(answers[0]);
    const auto released = given_to(0);
    ASSERT_EQ(released.size(), 1u);
    EXPECT_EQ(released[0]->kind, bridge::TaskKind::kBatchCancel);
    answer_from(0, released[0]);
    EXPECT_TRUE(done().empty());
    // The stuck lane comes back: either it saw that the batch is cancelled, or it holds now too.
    if (!has_prepared) second->refuse_as_cancelled();
    answer_from(1, second);
    EXPECT_TRUE(done().empty());
    const auto undone = given_to(1);
    ASSERT_EQ(undone.size(), 1u);
    EXPECT_EQ(undone[0]->kind, bridge::TaskKind::kBatchCancel);
    answer_from(1, undone[0]);
    EXPECT_TRUE(done().empty());
    EXPECT_TRUE(home_.is_idle());
    EXPECT_EQ(pool_.taken(), 0u);
    home_.set_well(LaneId{1});
  }
}

// ---- a round, when a lane of it is stuck --------------------------------------------------------

class StuckRoundTest : public DispatcherTest {
 protected:
  // A write of a document of lane 0 that claims a key of lane 1 and so wants a round.
  Task* start(std::uint64_t request_id = 9) {
    Task* task = request(key_of_lane_0());
    task->request_id = request_id;
    task->priority = bridge::Priority::kHigh;
    EXPECT_TRUE(home_.dispatch(task, {Placement::kDocument, 0, 0}).ok());
    claim(*given_to(0).at(0));
    answer_from(0, task);
    EXPECT_TRUE(done().empty()) << "that was no answer";
    return task;
  }
  void claim(Task& task) {
    const std::string key = key_of_lane_1();
    bridge::Claim claim;
    claim.space = 1;
    claim.vshard = map_.of(TenantId{1}, key);
    claim.tenant = TenantId{1};
    claim.key = key;
    claim.owner = "o";
    bridge::append_claim(task.claims, claim);
    task.wants_round = true;
  }
  Task* only(std::uint32_t lane, bridge::TaskKind kind) {
    const auto given = given_to(lane);
    EXPECT_EQ(given.size(), 1u);
    if (given.size() != 1) return nullptr;
    EXPECT_EQ(given[0]->kind, kind);
    return given[0];
  }
  // The parts at home of as many rounds as a lane may lead.
  std::vector<Task*> fill_slots() {
    std::vector<Task*> here;
    for (std::size_t i = 0; i < kWideBatchesMax; ++i) {
      start(i);
      here.push_back(only(0, bridge::TaskKind::kBatchPrepare));
    }
    return here;
  }
  void set_stuck() {
    std::vector<Task*> answers;
    home_.set_stuck(LaneId{1}, answers);
    for (Task* answer : answers) {
      EXPECT_EQ(answer->code, ErrorCode::kLaneStuck);
      told_.push_back(answer->request_id);
      pool_.give_back(answer);
    }
  }
  // Step by step as far as a part of the round comes, which is then at lane 1.
  Task* part_at_lane_1(bridge::TaskKind kind) {
    Task* here = only(0, bridge::TaskKind::kBatchPrepare);
    EXPECT_EQ(here->priority, bridge::Priority::kHigh);
    here->claims.append(here->items.at(0)->claims.view());
    answer_from(0, here);
    EXPECT_TRUE(done().empty());
    Task* there = only(1, bridge::TaskKind::kBatchPrepare);
    EXPECT_EQ(there->priority, bridge::Priority::kHigh);
    if (kind == bridge::TaskKind::kBatchPrepare) return there;
    answer_from(1, there);
    EXPECT_TRUE(done().empty());
    return only(1, bridge::TaskKind::kBatchCheck);
  }
  void step(std::uint32_t lane, bridge::TaskKind kind) {
    answer_from(lane, only(lane, kind));
    EXPECT_TRUE(done().empty());
  }
  void expect_nothing_open() {
    EXPECT_TRUE(given_to(0).empty());
    EXPECT_TRUE(given_to(1).empty());
    EXPECT_TRUE(home_.is_idle());
    EXPECT_EQ(pool_.taken(), 0u);
  }

  std::vector<std::uint64_t> told_;  // requests that were answered with kLaneStuck
};

TEST_F(StuckRoundTest, InPrepareItIsTakenBackEverywhere) {
  start();
  Task* there = part_at_lane_1(bridge::TaskKind::kBatchPrepare);
  set_stuck();
  EXPECT_EQ(told_, std::vector<std::uint64_t>{9}) << "the client's request, not the round";
  step(0, bridge::TaskKind::kBatchCancel);
  set_stuck();
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_FALSE(home_.is_idle());
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  step(1, bridge::TaskKind::kBatchCancel);
  expect_nothing_open();
}

TEST_F(StuckRoundTest, InCheckItIsTakenBackEverywhereAndNothingIsWritten) {
  for (const bool is_home_checked : {false, true}) {
    told_.clear();
    start();
    Task* there = part_at_lane_1(bridge::TaskKind::kBatchCheck);
    if (is_home_checked) step(0, bridge::TaskKind::kBatchCheck);
    set_stuck();
    EXPECT_EQ(told_, std::vector<std::uint64_t>{9});
    if (!is_home_checked) step(0, bridge::TaskKind::kBatchCheck);
    step(0, bridge::TaskKind::kBatchCancel);
    answer_from(1, there);
    EXPECT_TRUE(done().empty());
    step(1, bridge::TaskKind::kBatchCancel);
    expect_nothing_open();
    home_.set_well(LaneId{1});
  }
}

TEST_F(StuckRoundTest, WhatIsInTheLogIsAppliedAndOnlyTheAnswerIsAnother) {
  start();
  answer_from(1, part_at_lane_1(bridge::TaskKind::kBatchCheck));
  step(0, bridge::TaskKind::kBatchCheck);
  step(0, bridge::TaskKind::kBatchAppend);
  Task* there = only(1, bridge::TaskKind::kBatchApply);
  set_stuck();
  EXPECT_EQ(told_, std::vector<std::uint64_t>{9});
  step(0, bridge::TaskKind::kBatchApply);
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  step(0, bridge::TaskKind::kBatchFinish);
  expect_nothing_open();
}

TEST_F(StuckRoundTest, OneThatWasToBeginAgainEndsForGood) {
  start();
  Task* there = part_at_lane_1(bridge::TaskKind::kBatchPrepare);
  there->wants_round = true;  // it stands behind another one
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  there = only(1, bridge::TaskKind::kBatchCancel);
  EXPECT_TRUE(there->is_again);
  set_stuck();
  EXPECT_EQ(told_, std::vector<std::uint64_t>{9});
  step(0, bridge::TaskKind::kBatchCancel);
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  Task* here = only(0, bridge::TaskKind::kBatchCancel);
  EXPECT_FALSE(here->is_again) << "what waits behind it goes on";
  answer_from(0, here);
  step(1, bridge::TaskKind::kBatchCancel);
  expect_nothing_open();
}

// The lane was stuck before it said that it wants a round.
TEST_F(StuckRoundTest, OneThatComesBackLateIsTakenBackWhereItWaits) {
  Task* task = request(key_of_lane_1());
  task->request_id = 9;
  ASSERT_TRUE(home_.dispatch(task, {Placement::kDocument, 0, 0}).ok());
  ASSERT_EQ(given_to(1).size(), 1u);
  set_stuck();
  EXPECT_EQ(told_, std::vector<std::uint64_t>{9});
  task->wants_round = true;
  answer_from(1, task);
  EXPECT_TRUE(done().empty());
  Task* there = only(1, bridge::TaskKind::kBatchCancel);
  EXPECT_EQ(there->items, std::vector<Task*>{task});
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  expect_nothing_open();
}

TEST_F(StuckRoundTest, PartsOfASplitRequestAreToldOnce) {
  Task* parent = request("k");
  parent->request_id = 9;
  parent->priority = bridge::Priority::kHigh;
  ASSERT_TRUE(home_.dispatch(parent, {Placement::kAll, 0, 0, true}).ok());
  Task* here = only(0, bridge::TaskKind::kBatchPrepare);
  answer_from(0, here);
  EXPECT_TRUE(done().empty());
  Task* there = only(1, bridge::TaskKind::kBatchPrepare);
  set_stuck();
  EXPECT_EQ(told_, std::vector<std::uint64_t>{9});
  step(0, bridge::TaskKind::kBatchCancel);
  answer_from(1, there);
  EXPECT_TRUE(done().empty());
  step(1, bridge::TaskKind::kBatchCancel);
  expect_nothing_open();
}

// Else rounds that are known from the start take all slots and wait for earlier requests of their
// connections, whose rounds wait for a slot.
TEST_F(StuckRoundTest, OneThatBeginsAgainGivesItsSlotToOneThatWaits) {
  std::vector<Task*> here = fill_slots();
  Task* waiting = start(9'999);
  EXPECT_TRUE(given_to(0).empty()) << "it has no slot";
  const auto is_behind = [&](Task* part) {
    part->wants_round = true;
    answer_from(0, part);
    EXPECT_TRUE(done().empty());
    for (const std::uint32_t lane : {0u, 1u}) step(lane, bridge::TaskKind::kBatchCancel);
    return only(0, bridge::TaskKind::kBatchPrepare);
  };
  Task* second = here[0]->items.at(0);
  EXPECT_EQ(is_behind(here[0])->items, std::vector<Task*>{waiting});
  EXPECT_EQ(is_behind(here[1])->items, std::vector<Task*>{second}) << "and is the next one";
}

TEST_F(StuckRoundTest, ThoseThatWaitForASlotAreToldAndUndoneAtHome) {
  std::vector<Task*> here = fill_slots();
  Task* waiting = start(9'999);
  EXPECT_TRUE(given_to(0).empty()) << "it has no slot";
  Task* at_home = here.back();
  here.pop_back();
  answer_from(0, at_home);
  EXPECT_TRUE(done().empty());
  Task* there = only(1, bridge::TaskKind::kBatchPrepare);
  set_stuck();
  EXPECT_EQ(told_, (std::vector<std::uint64_t>{kWideBatchesMax - 1, 9'999}));
  const auto undone = given_to(0);
  ASSERT_EQ(undone.size(), 2u);
  EXPECT_EQ(undone[1]->items, std::vector<Task*>{waiting});
  for (Task* part : undone) {
    EXPECT_EQ(part->kind, bridge::TaskKind::kBatchCancel);
    answer_from(0, part);
  }
  EXPECT_TRUE(done().empty());
  // The others come to the stuck lane one after the other, and are told when that is seen.
  for (Task* part : here) answer_from(0, part);
  EXPECT_TRUE(done().empty());
  auto late = given_to(1);
  EXPECT_EQ(late.size(), kWideBatchesMax - 1);
  late.push_back(there);
  set_stuck();
  EXPECT_EQ(told_.size(), kWideBatchesMax + 1);
  for (const std::uint32_t lane : {0u, 1u}) {
    for (Task* part : lane == 0 ? given_to(0) : late) answer_from(lane, part);
    EXPECT_TRUE(done().empty());
  }
  for (Task* part : given_to(1)) answer_from(1, part);
  EXPECT_TRUE(done().empty());
  expect_nothing_open();
}

}  // namespace
}  // namespace stator::dispatch
