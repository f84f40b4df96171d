#include "data/core/answer_room.h"

#include <gtest/gtest.h>

namespace stator::core {
namespace {

using bridge::Task;

// Lane 1 answers, lane 0 asks.
class AnswerRoomTest : public testing::Test {
 protected:
  Task* request(std::uint64_t number, std::uint32_t origin = 0) {
    Task* task = pool_.take();
    task->request_id = number;
    task->origin = LaneId{origin};
    return task;
  }
  // An answer as large as all that may be on its way from one of three lanes.
  Task* answer() {
    Task* task = request(0);
    task->payload.append(std::string(kAnswerBytesAwayMax / 3, 'x'));
    room_.count(*task);
    return task;
  }
  bool take(Task* task) { return away().take(task->away_bytes); }
  bridge::AnswersAway& away() { return mesh_.answers_away(LaneId{1}, LaneId{0}); }
  std::vector<std::uint64_t> ready() {
    std::vector<std::uint64_t> numbers;
    while (!ready_.empty()) numbers.push_back(ready_.take()->request_id);
    return numbers;
  }

  bridge::LaneMesh mesh_{3};
  bridge::TaskPool pool_;
  AnswerRoom room_{LaneId{1}, &mesh_};
  RunQueue ready_;
};

TEST_F(AnswerRoomTest, RequestsWaitInTheirOrderUntilAnswersAreTaken) {
  EXPECT_FALSE(room_.takes(request(1)));
  Task* large = answer();
  for (const std::uint64_t number : {2u, 3u}) EXPECT_TRUE(room_.takes(request(number)));
  room_.give_back(ready_);
  EXPECT_TRUE(ready_.empty());
  EXPECT_EQ(room_.waiting(), 2u);
  EXPECT_TRUE(take(large)) << "it is to be woken";
  EXPECT_TRUE(room_.takes(request(4))) << "behind those that wait, although there is room";
  ready_.push(request(5));
  room_.give_back(ready_);
  EXPECT_EQ(ready(), (std::vector<std::uint64_t>{2, 3, 4, 5}));
  EXPECT_EQ(room_.waiting(), 0u);
  EXPECT_FALSE(room_.takes(request(6)));
}

TEST_F(AnswerRoomTest, WhoDoesNotWaitIsNotWoken) {
  Task* large = answer();
  EXPECT_FALSE(take(large));
}

TEST_F(AnswerRoomTest, OtherLanesAndTheLaneItselfAndBegunBatchesGoOn) {
  answer();
  EXPECT_FALSE(room_.takes(request(1, 1)));
  EXPECT_FALSE(room_.takes(request(2, 2)));
  Task* apply = request(3);
  apply->kind = bridge::TaskKind::kBatchApply;
  EXPECT_FALSE(room_.takes(apply));
}

}  // namespace
}  // namespace stator::core
