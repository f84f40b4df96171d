// Reads that take long, in slices, on a core with a store and one engine: rows of text by key, and
// a walk over all of them that looks at its interrupt word at each row.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "stator/declare.hpp"

#include "bridge/lane_mesh.h"
#include "data/core/core_loop.h"
#include "support/played_engine.h"
#include "unit/kernel/io/temp_directory.h"
#include "wal/sim_log.h"

namespace stator::core {
namespace {

using bridge::Priority;
using bridge::Task;

constexpr std::uint8_t kSpace = 1;
constexpr std::uint32_t kPut = 0;
constexpr std::uint32_t kGet = 1;
constexpr std::uint32_t kWalk = 2;
constexpr std::uint32_t kLarge = 3;  // in two halves, between which it may pause
constexpr std::uint32_t kLargeAtOnce = 4;
constexpr std::size_t kHalfBytes = 5 * 1024 * 1024;

std::string_view view(stator_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}
stator_bytes bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string_view key_of(const stator_request* request) {
  const stator_slice at = stator_arg_values(request->args)[0].slice;
  return {reinterpret_cast<const char*>(request->args) + at.offset, at.bytes};
}
void say(const stator_request* request, std::string_view text) {
  char* room = host::reply_service().reserve(request->call, text.size());
  std::copy(text.begin(), text.end(), room);
  host::reply_service().commit(request->call, text.size());
}

stator_status walk(const stator_request* request) {
  const auto& kv = host::kv_service();
  stator_kv_cursor* cursor = kv.scan(request->call, kSpace, {}, {}, 0);
  for (stator_kv_entry entry; kv.next(cursor, &entry) != 0;) {
    const std::uint32_t word = __atomic_load_n(request->interrupt, __ATOMIC_RELAXED);
    const bool stops =
        word == STATOR_INTERRUPT_STOP ||
        (word == STATOR_INTERRUPT_ASK && host::pause_service().look(request->call) != 0);
    EXPECT_EQ(in_flight, request->call);  // also after a pause in which others ran
    if (stops) return STATOR_E_DEADLINE_EXCEEDED;
    say(request, view(entry.key));
    say(request, "=");
    say(request, view(entry.value));
    say(request, " ");
  }
  return STATOR_OK;
}

stator_status say_much(const stator_request* request) {
  for (int half = 0; half < 2; ++half) {
    say(request, std::string(kHalfBytes, 'x'));
    // Long enough for its slice to end.
    for (int i = 0; request->op_index == kLarge && i < 20; ++i)
      host::pause_service().look(request->call);
  }
  return STATOR_OK;
}

stator_status read(const stator_instance*, const stator_request* request) {
  EXPECT_EQ(in_flight, request->call);
  if (request->op_index >= kLarge) return say_much(request);
  if (request->op_index == kWalk) return walk(request);
  stator_bytes value{};
  if (host::kv_service().get(request->call, kSpace, bytes(key_of(request)), &value) == 0) {
    return STATOR_E_NOT_FOUND;
  }
  say(request, view(value));
  return STATOR_OK;
}

stator_status prepare(const stator_instance*, const stator_request* request) {
  return host::records_service().add(request->call, request->vshard, 1, bytes(key_of(request)));
}

// The value is the LSN.
stator_status apply(stator_instance*, const stator_record* record) {
  host::kv_service().put(record->call, kSpace, record->vshard, record->payload,
                         bytes(std::to_string(record->lsn)));
  return STATOR_OK;
}

constexpr stator_arg kArgs[] = {
    make_arg(STATOR_ARG_STR, "key", "", {.flags = STATOR_ARG_REQUIRED})};
constexpr stator_op row(const char* name, std::uint32_t op_class, std::uint32_t flags) {
  return make_op({.op_class = op_class,
                  .permission = STATOR_PERM_READ,
                  .placement = STATOR_PLACE_COLLECTION,
                  .name = name,
                  .doc = "",
                  .result = "",
                  .example = "{}",
                  .args = kArgs,
                  .flags = flags});
}
constexpr stator_op kRows[] = {row("put", STATOR_OP_WRITE, 0), row("get", STATOR_OP_READ, 0),
                               row("walk", STATOR_OP_READ, STATOR_OP_PAUSES),
                               row("large", STATOR_OP_READ, STATOR_OP_PAUSES),
                               row("large_at_once", STATOR_OP_READ, 0)};

const stator_engine_v1* entry(const stator_kernel_hello*) {
  static const stator_op* const kOps[] = {&kRows[kPut], &kRows[kGet], &kRows[kWalk], &kRows[kLarge],
                                          &kRows[kLargeAtOnce]};
  static const stator_engine_v1 kEngine = [] {
    stator_engine_v1 engine = test::played_engine("rows", kOps);
    engine.read = &read;
    engine.merge = [](const stator_instance*, const stator_request*, const stator_bytes*,
                      std::uint64_t) { return stator_status{STATOR_OK}; };
    engine.prepare = &prepare;
    engine.apply = &apply;
    return engine;
  }();
  return &kEngine;
}

// Goes on by `step_ns` each time somebody looks.
class SteppingClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override { return now_ns += step_ns; }
  std::uint64_t wall_ms() override { return 1; }
  std::uint64_t now_ns = 1'000'000'000;
  std::uint64_t step_ns = 0;
};

class LongReadsTest : public testing::Test {
 protected:
  LongReadsTest() {
    EXPECT_TRUE(catalog_.add(&entry, host::kernel_hello(), test::library_of("rows")).ok());
    catalog_.seal();
    catalog_.engines().front()->number = EngineNumber{1};
    store_ = store::Store::open({directory_.file("lane-0"), 1 << 26, 0, {}}).take();
    CoreOptions options;
    options.catalog = &catalog_;
    options.vshards = &vshards_;
    options.log = &log_;
    options.store = store_.get();
    options.clock = &clock_;
    options.watchdog = &watchdog_;
    options.mesh = &mesh_;
    core_ = std::make_unique<CoreLoop>(options);
    EXPECT_TRUE(core_->recover().ok());
  }
  Task* ask(std::uint32_t op, const std::string& key, Priority priority = Priority::kNormal) {
    Task* task = pool_.take();
    task->op = op;
    task->priority = priority;
    task->tenant = TenantId{1};
    task->collection = "c";
    task->deadline_ns = clock_.now_ns + 9'000'000'000;
    const std::size_t values = sizeof(stator_arg_block);
    task->args.extend(values + sizeof(stator_value) + key.size(), 64);
    auto* block = reinterpret_cast<stator_arg_block*>(task->args.data());
    *block = {sizeof(stator_arg_block), static_cast<std::uint32_t>(task->args.size()), 1, 1, 0, 1};
    reinterpret_cast<stator_value*>(task->args.data() + values)->slice = {
        static_cast<std::uint32_t>(values + sizeof(stator_value)),
        static_cast<std::uint32_t>(key.size())};
    std::copy(key.begin(), key.end(),
              reinterpret_cast<char*>(task->args.data()) + values + sizeof(stator_value));
    submitted_.push_back(task);
    return task;
  }
  std::vector<Task*> turn() {
    std::vector<Task*> answered;
    core_->run(submitted_, answered);
    log_.commit();
    EXPECT_EQ(in_flight, nullptr);  // what has paused does not run
    return answered;
  }
  // Rows a, b, c, ... with the values 1, 2, 3, ...
  std::string fill(int rows) {
    std::string all;
    for (int i = 0; i < rows; ++i) {
      const std::string key(1, static_cast<char>('a' + i));
      ask(kPut, key);
      all += key + "=" + std::to_string(i + 1) + " ";
    }
    turn();
    turn();
    // From here on each look at the clock is a tenth of a slice.
    clock_.step_ns = kSliceShortNs / 10;
    return all;
  }
  int turns_until_answered(const Task* task) {
    for (int turns = 1; turns < 100; ++turns) {
      for (const Task* one : turn()) {
        if (one == task) return turns;
      }
    }
    return 0;
  }

  io::TempDirectory directory_;
  plugin::Catalog catalog_;
  bridge::LaneMesh mesh_{2};
  bridge::VShardMap vshards_{HashKey{1, 2}, bridge::VShardMap::even(1)};
  wal::SimLog log_;
  SteppingClock clock_;
  Watchdog watchdog_{1, system_clock()};
  std::unique_ptr<store::Store> store_;
  bridge::TaskPool pool_;
  std::vector<Task*> submitted_;
  std::unique_ptr<CoreLoop> core_;
};

TEST_F(LongReadsTest, AWalkIsCutIntoSlicesBetweenWhichOthersAreAnswered) {
  const std::string all = fill(26);
  Task* scan = ask(kWalk, "");
  EXPECT_TRUE(turn().empty());
  EXPECT_TRUE(core_->has_ready());
  EXPECT_EQ(core_->waiting(), 1u);
  Task* get = ask(kGet, "b");
  EXPECT_EQ(turn(), std::vector<Task*>{get}) << "while the walk is at rest";
  EXPECT_EQ(get->payload.view(), "2");
  EXPECT_GE(turns_until_answered(scan), 1);
  EXPECT_EQ(scan->payload.view(), all);
  EXPECT_GE(core_->long_reads().slices(), 3u);
  EXPECT_FALSE(core_->has_ready());
}

TEST_F(LongReadsTest, ALaneWithNothingElseToDoGivesLongerSlices) {
  const std::string all = fill(26);
  clock_.now_ns += 2 * kSliceAloneAfterNs;
  const Task* scan = ask(kWalk, "");
  EXPECT_EQ(turns_until_answered(scan), 1);
  EXPECT_EQ(scan->payload.view(), all);
  EXPECT_EQ(core_->long_reads().slices(), 1u);
}

TEST_F(LongReadsTest, ShowsOneMomentWhateverIsWrittenAndCheckpointedMeanwhile) {
  const std::string all = fill(26);
  Task* scan = ask(kWalk, "");
  turn();
  int turns = 0;
  for (bool is_answered = false; !is_answered; ++turns) {
    for (const char* key : {"a", "c", "y", "z", "zz"}) ask(kPut, key);
    if (turns == 1) {
      ASSERT_TRUE(store_->start_checkpoint(log_.durable()));
      ASSERT_TRUE(store_->wait_checkpoint().ok());
    }
    for (const Task* task : turn()) is_answered = is_answered || task == scan;
    ASSERT_LT(turns, 100);
  }
  EXPECT_GE(turns, 3);
  EXPECT_EQ(scan->payload.view(), all);
}

TEST_F(LongReadsTest, DeadlineAndCancelAreLookedAtBetweenSlices) {
  fill(26);
  Task* late = ask(kWalk, "");
  Task* cancelled = ask(kWalk, "");
  for (int turns = 0; core_->long_reads().begun() < 2; ++turns) {
    turn();
    ASSERT_LT(turns, 5) << "who waits and who paused take turns";
  }
  late->deadline_ns = clock_.now_ns;
  cancelled->is_cancelled = true;
  EXPECT_GE(turns_until_answered(cancelled), 1);
  EXPECT_EQ(cancelled->code, ErrorCode::kCancelled);
  EXPECT_EQ(late->code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(core_->waiting(), 0u);
}

TEST_F(LongReadsTest, DeadlineAndCancelAreLookedAtInTheQueue) {
  fill(26);
  Task* late = ask(kWalk, "");
  Task* cancelled = ask(kWalk, "");
  late->deadline_ns = 1;
  cancelled->is_cancelled = true;
  const std::uint64_t slices = core_->long_reads().slices();
  EXPECT_EQ(turn().size(), 2u);
  EXPECT_EQ(late->code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(cancelled->code, ErrorCode::kCancelled);
  EXPECT_EQ(core_->long_reads().slices(), slices) << "neither has begun";
}

// With as many before them as may begin their turn comes late, and they must be told in time.
TEST_F(LongReadsTest, WhoWaitsBehindManyIsToldWhenItsTimeIsOver) {
  fill(26);
  clock_.step_ns = kSliceShortNs;  // a slice for each row, so that none ends meanwhile
  for (std::size_t i = 0; i < kPausedReadsMax; ++i) ask(kWalk, "");
  for (int turns = 0; core_->long_reads().begun() < kPausedReadsMax; ++turns) {
    ASSERT_TRUE(turn().empty());
    ASSERT_LT(turns, 1000);
  }
  ask(kWalk, "");  // whose turn comes before theirs
  Task* late = ask(kWalk, "");
  Task* cancelled = ask(kWalk, "");
  EXPECT_TRUE(turn().empty());
  late->deadline_ns = clock_.now_ns;
  cancelled->is_cancelled = true;
  clock_.now_ns += 2 * kQueueLookNs;
  const std::uint64_t slices = core_->long_reads().slices();
  std::vector<Task*> answered = turn();
  EXPECT_EQ(core_->long_reads().slices(), slices + 1);
  std::erase_if(answered, [&](Task* one) { return one != late && one != cancelled; });
  EXPECT_EQ(answered, (std::vector<Task*>{late, cancelled}));
  EXPECT_EQ(late->code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(cancelled->code, ErrorCode::kCancelled);
  EXPECT_EQ(core_->waiting(), kPausedReadsMax + 1) << "who is not late waits on";
}

TEST_F(LongReadsTest, MoreThanMayBeginWaitAndAllAreAnswered) {
  const std::string all = fill(20);
  std::vector<Task*> scans;
  for (std::size_t i = 0; i < 3 * kPausedReadsMax; ++i) scans.push_back(ask(kWalk, ""));
  std::size_t answered = 0;
  for (int turns = 0; answered < scans.size() && turns < 10'000; ++turns) {
    answered += turn().size();
    ASSERT_LE(core_->long_reads().begun(), kPausedReadsMax);
  }
  EXPECT_EQ(answered, scans.size());
  for (const Task* scan : scans) EXPECT_EQ(scan->payload.view(), all);
}

TEST_F(LongReadsTest, ThoseThatHaveBegunEndWithTheCore) {
  fill(26);
  ask(kWalk, "");
  turn();
  ASSERT_EQ(core_->long_reads().begun(), 1u);
  core_.reset();  // their stacks are unwound; the sanitizers would tell
}

// ---- priorities ---------------------------------------------------------------------------------

TEST_F(LongReadsTest, ASaturatedLaneServesPrioritiesByWeight) {
  fill(1);
  clock_.step_ns = 0;
  std::vector<Task*> asked;
  for (std::size_t i = 0; i < 4 * kTurnRequests; ++i) ask(kGet, "a");
  for (std::size_t i = 0; i < kTurnRequests; ++i) {
    for (const Priority one : {Priority::kBackground, Priority::kHigh, Priority::kCritical}) {
      ask(kGet, "a", one);
    }
  }
  // The first turn takes what came first, up to its end; from then on all classes wait.
  turn();
  std::array<std::size_t, 4> share{};
  for (const Task* task : turn()) ++share[static_cast<std::size_t>(task->priority)];
  EXPECT_GT(share[3], share[2] * 3);
  EXPECT_GT(share[2], share[1] * 3);
  EXPECT_GT(share[1], share[0] * 3);
  EXPECT_GT(share[0], 0u) << "the lowest is not left out";
  EXPECT_EQ(share[0] + share[1] + share[2] + share[3], kTurnRequests);
}

TEST_F(LongReadsTest, ALaterRequestOfAHigherPriorityComesBeforeManyThatWait) {
  fill(1);
  clock_.step_ns = 0;
  for (std::size_t i = 0; i < 3 * kTurnRequests; ++i) ask(kGet, "a");
  EXPECT_EQ(turn().size(), kTurnRequests);
  EXPECT_EQ(core_->queued(Priority::kNormal), 2 * kTurnRequests);
  Task* urgent = ask(kGet, "a", Priority::kHigh);
  EXPECT_EQ(turn().front(), urgent);
}

TEST_F(LongReadsTest, TheLowestClassWaitsForTheEndOfTheTurn) {
  fill(1);
  clock_.step_ns = 0;
  Task* low = ask(kGet, "a", Priority::kBackground);
  std::vector<Task*> answered;
  core_->run(submitted_, answered, TurnPart::kMoreToCome);
  EXPECT_TRUE(answered.empty());
  Task* normal = ask(kGet, "a");
  core_->run(submitted_, answered);
  EXPECT_EQ(answered, (std::vector<Task*>{normal, low}));
}

TEST_F(LongReadsTest, WhatIsLateInTheQueueDoesNotUseUpTheTurn) {
  fill(1);
  clock_.step_ns = 0;
  for (std::size_t i = 0; i < 2 * kTurnRequests; ++i) ask(kGet, "a");
  turn();
  clock_.now_ns += 10'000'000'000;  // all that wait are late now
  Task* fresh = ask(kGet, "a");
  const std::vector<Task*> answered = turn();
  EXPECT_EQ(answered.size(), kTurnRequests + 1);
  EXPECT_EQ(answered.front()->code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(fresh->code, ErrorCode::kOk);
}

TEST_F(LongReadsTest, WhatThoseThatHaveBegunGatherTogetherIsBounded) {
  fill(1);
  std::vector<Task*> open;
  for (int i = 0; i < 20; ++i) open.push_back(ask(kLarge, ""));
  for (int turns = 0; !open.empty(); ++turns) {
    ASSERT_LT(turns, 500);
    for (Task* task : turn()) {
      EXPECT_EQ(task->payload.size(), 2 * kHalfBytes);
      std::erase(open, task);
      pool_.give_back(task);
    }
    std::size_t bytes = 0;
    for (const Task* task : open) bytes += task->payload.size();
    EXPECT_LE(bytes, kPausedReadBytesMax + 2 * kHalfBytes);
  }
}

TEST_F(LongReadsTest, ATurnIsOverWhenItsAnswersAreLarge) {
  fill(1);
  constexpr std::size_t kRequests = 10;
  for (std::size_t i = 0; i < kRequests; ++i) ask(kLargeAtOnce, "")->request_id = i;
  const Task* urgent = ask(kGet, "a", Priority::kCritical);
  std::vector<Task*> order;
  for (int turns = 0; order.size() < kRequests + 1; ++turns) {
    ASSERT_LT(turns, 50);
    const std::vector<Task*> answered = turn();
    EXPECT_LE(answered.size(), 3u) << "two of them are more than a turn answers";
    EXPECT_TRUE(core_->has_ready() || order.size() + answered.size() == kRequests + 1);
    for (Task* task : answered) order.push_back(task);
    for (Task* task : answered) task->payload.release();
  }
  EXPECT_LT(std::find(order.begin(), order.end(), urgent) - order.begin(), 4)
      << "in the queue the priorities count";
  std::erase(order, urgent);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end(), [](const Task* a, const Task* b) {
    return a->request_id < b->request_id;
  }));
}

TEST_F(LongReadsTest, AMergeComesBeforeAllOthers) {
  fill(26);
  for (int i = 0; i < 30; ++i) ask(kLarge, "");
  while (core_->long_reads().begun() < 3) turn();
  Task* merge = ask(kWalk, "");
  merge->kind = bridge::TaskKind::kMerge;
  EXPECT_EQ(turn(), std::vector<Task*>{merge});
}

// Lane 1 asks for ten of 10 MiB, and takes nothing; this lane and its own go on.
TEST_F(LongReadsTest, RequestsOfALaneWaitUntilItTakesItsAnswers) {
  fill(1);
  std::vector<Task*> away;
  const auto turns = [&] {
    for (int i = 0; i < 20; ++i) {
      for (Task* task : turn()) away.push_back(task);
    }
  };
  for (std::uint32_t i = 0; i < 10; ++i) {
    Task* task = ask(kLargeAtOnce, "");
    task->origin = LaneId{1};
    task->request_id = i;
  }
  turns();
  EXPECT_EQ(away.size(), 4u);
  EXPECT_EQ(core_->waiting(), 6u);
  EXPECT_FALSE(core_->has_ready()) << "it must not spin";
  const Task* own = ask(kGet, "a");
  EXPECT_EQ(turn(), std::vector<Task*>{const_cast<Task*>(own)});
  for (std::size_t i = 0; i < away.size(); ++i) {
    EXPECT_EQ(away[i]->request_id, i);
    mesh_.answers_away(LaneId{0}, LaneId{1}).take(away[i]->away_bytes);
    away[i]->payload.release();
    if (i == 3 || i == 7) turns();
  }
  EXPECT_EQ(away.size(), 10u);
}

// Reads of what was written and is not durable yet.
TEST_F(LongReadsTest, AnswersThatWaitForTheLogAreBounded) {
  fill(1);
  ask(kPut, "a");
  for (int i = 0; i < 20; ++i) ask(kLargeAtOnce, "");
  std::vector<Task*> answered;
  for (int i = 0; i < 30; ++i) core_->run(submitted_, answered);
  EXPECT_TRUE(answered.empty());
  EXPECT_GE(core_->held(), 7u);
  EXPECT_LE(core_->held(), 10u);
  EXPECT_FALSE(core_->has_ready()) << "it must not spin";
  std::size_t all = 0;
  for (int i = 0; i < 30; ++i) {
    for (Task* task : turn()) {
      ++all;
      task->payload.release();
    }
  }
  EXPECT_EQ(all, 21u);
}

TEST_F(LongReadsTest, ABatchThatWaitsForTheLogHoldsItsAnswersOnce) {
  fill(1);
  ask(kPut, "a");
  Task* item = ask(kLargeAtOnce, "");
  submitted_.pop_back();
  Task* batch = pool_.take();
  batch->kind = bridge::TaskKind::kBatch;
  batch->tenant = item->tenant;
  batch->deadline_ns = item->deadline_ns;
  batch->items = {item};
  submitted_.push_back(batch);
  std::vector<Task*> answered;
  core_->run(submitted_, answered);
  EXPECT_EQ(core_->held(), 2u);
  EXPECT_GT(batch->payload.size(), 2 * kHalfBytes);
  EXPECT_LE(item->payload.capacity(), 4096u);
}

// There a read is answered, or refused at its deadline; others go on.
TEST_F(LongReadsTest, AFullDiskHoldsUpNoRead) {
  fill(1);
  ask(kPut, "a");
  for (int i = 0; i < 8; ++i) ask(kLargeAtOnce, "");
  std::vector<Task*> answered;
  for (int i = 0; i < 10; ++i) core_->run(submitted_, answered);
  log_.set_failure(ErrorCode::kDiskFull);
  ask(kGet, "a")->vshard = VShardId{1};
  for (int i = 0; i < 10; ++i) core_->run(submitted_, answered);
  EXPECT_EQ(answered.size(), 1u);
}

}  // namespace
}  // namespace stator::core
