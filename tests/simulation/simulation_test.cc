// Random requests, batches, power cuts, discards and changes of lanes against a model, from a seed.
// The model is the list of writes by LSN: after a power cut the registers hold exactly what it says
// at the last durable LSN; what a strong read was told can never be taken back.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "simulation/encrypted_log.h"
#include "simulation/world.h"
#include "support/places.h"
#include "support/seeds.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::simulation {
namespace {

using bridge::Task;

constexpr unsigned kKeys = 24;

struct Set {
  unsigned key = 0;
  std::uint64_t value = 0;
  bool is_checked = false;
  std::uint64_t expect = 0;
};

// A request under way.
struct Request {
  std::vector<Set> sets;       // what it writes
  std::vector<unsigned> gets;  // what it reads
  bool is_batch = false;
  std::string idempotency_key;
  Lsn first_lsn;               // of a repeat: of the first answer
  std::vector<Lsn> floor;      // by key: a read must see this write or a later one
  bool is_recorded = false;
};

std::string key_name(unsigned key) { return "r" + std::to_string(key); }

class Simulation {
 public:
  Simulation(unsigned seed, std::unique_ptr<wal::SimulatedLog> log)
      : random_(seed),
        world_(directory_.path(), 1 + below(4), [this](Task* task) { answered(task); },
               std::move(log)) {}

  void run(unsigned steps) {
    for (unsigned step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const unsigned choice = below(1000);
      if (choice < 350) {
        submit();
      } else if (choice < 900) {
        world_.turn(lane());
      } else if (choice < 990) {
        commit_some();
      } else if (choice < 993) {
        discard();
      } else if (choice < 997) {
        lose_power();
      } else {
        world_.restart_with(1 + below(4));
        check_everything();
      }
      note_lsns();
    }
    world_.settle();
    check_everything();
  }

  std::size_t checkpoints() const { return world_.checkpoints(); }
  std::size_t wide_batches() const { return wide_batches_; }
  std::size_t discards() const { return discards_; }

 private:
  std::uint32_t below(std::uint64_t end) { return static_cast<std::uint32_t>(random_() % end); }
  LaneId lane() { return LaneId{below(world_.lanes())}; }

  // ---- requests ---------------------------------------------------------------------------------

  static World::Item item_of(const Set& set) {
    std::string args = "{\"key\":\"" + key_name(set.key) + "\",\"value\":" + std::to_string(set.value);
    if (set.is_checked) args += ",\"expect\":" + std::to_string(set.expect);
    return {"set", args + "}"};
  }
  static World::Item item_of(unsigned get) { return {"get", "{\"key\":\"" + key_name(get) + "\"}"}; }

  Set random_set(unsigned key) {
    Set set{key, ++last_value_, below(4) == 0, 0};
    // Mostly what the register holds, so that some succeed.
    if (set.is_checked) set.expect = value_at(key, Lsn{~std::uint64_t{0}});
    return set;
  }

  void submit() {
    if (pending_.size() > 60) return;
    Request request;
    const unsigned kind = below(10);
    if (kind == 0 && !kept_.empty()) {
      request = kept_[below(kept_.size())];  // the same once more
      request.is_recorded = true;
    } else if (kind < 5) {
      below(2) == 0 ? request.sets.push_back(random_set(below(kKeys)))
                         : request.gets.push_back(below(kKeys));
    } else {
      request.is_batch = true;
      std::set<unsigned> keys;
      for (unsigned i = 0, count = 1 + below(6); i < count; ++i) keys.insert(below(kKeys));
      for (const unsigned key : keys) {
        below(3) != 0 ? request.sets.push_back(random_set(key)) : request.gets.push_back(key);
      }
    }
    if (request.first_lsn == Lsn{} && !request.sets.empty() && below(3) == 0) {
      request.idempotency_key = "k" + std::to_string(++last_value_);
    }
    request.floor = floor_;
    send(std::move(request));
  }

  void send(Request request) {
    Task* task = nullptr;
    bool is_sent = false;
    if (request.is_batch) {
      std::vector<World::Item> items;
      for (const Set& set : request.sets) items.push_back(item_of(set));
      for (const unsigned get : request.gets) items.push_back(item_of(get));
      is_sent = world_.submit_batch(lane(), items, request.idempotency_key, task);
      if (is_sent && !task->children.empty()) ++wide_batches_;
    } else {
      const World::Item item = request.sets.empty() ? item_of(request.gets[0]) : item_of(request.sets[0]);
      is_sent = world_.submit(lane(), item.op, item.args_json, request.idempotency_key, task);
    }
    ASSERT_TRUE(is_sent);
    pending_.emplace(task, std::move(request));
  }

  // ---- the model --------------------------------------------------------------------------------

  // As soon as a write has its LSN it is part of history, acknowledged or not.
  void note_lsns() {
    for (auto& [task, request] : pending_) note_lsn(*task, request);
  }
  void note_lsn(const Task& task, Request& request) {
    if (request.is_recorded || request.sets.empty() || task.lsn == Lsn{} || task.code != ErrorCode::kOk) return;
    request.is_recorded = true;
    for (const Set& set : request.sets) {
      history_[set.key][task.lsn] = set;
      lsn_of_[set.value] = task.lsn;
    }
  }

  std::uint64_t value_at(unsigned key, Lsn lsn) const {
    const auto found = history_.find(key);
    if (found == history_.end()) return 0;
    const auto behind = found->second.upper_bound(lsn);
    return behind == found->second.begin() ? 0 : std::prev(behind)->second.value;
  }

  Lsn lsn_of(std::uint64_t value) const { return value == 0 ? Lsn{} : lsn_of_.at(value); }

  // ---- answers ----------------------------------------------------------------------------------

  void answered(Task* task) {
    note_lsns();
    const auto found = pending_.find(task);
    ASSERT_NE(found, pending_.end());
    Request request = std::move(found->second);
    pending_.erase(found);
    if (task->code != ErrorCode::kOk) {
      EXPECT_EQ(task->code, ErrorCode::kConflictRetry) << task->error_sentence;
      EXPECT_EQ(task->lsn, Lsn{});
      return;
    }
    note_lsn(*task, request);
    EXPECT_LE(task->lsn, world_.log().durable()) << "answered before it was durable";
    if (request.first_lsn != Lsn{}) {
      EXPECT_EQ(task->lsn, request.first_lsn) << "a repeat was carried out again";
      return;
    }
    check_reads(*task, request);
    for (const Set& set : request.sets) {
      floor_[set.key] = std::max(floor_[set.key], task->lsn);
    }
    if (request.idempotency_key.empty()) return;
    request.first_lsn = task->lsn;
    kept_.push_back(std::move(request));
  }

  void check_reads(const Task& task, const Request& request) {
    Lsn newest;
    std::vector<std::uint64_t> values;
    for (std::size_t i = 0; i < request.gets.size(); ++i) {
      const std::string payload = request.is_batch
                                      ? World::answer_of_item(task, request.sets.size() + i)
                                      : std::string(task.payload.view());
      values.push_back(std::strtoull(payload.c_str(), nullptr, 10));
      const unsigned key = request.gets[i];
      const Lsn lsn = lsn_of(values.back());
      EXPECT_LE(lsn, world_.log().durable()) << "a read showed what a power cut could take back";
      EXPECT_GE(lsn, request.floor[key]) << "a read went back in time";
      floor_[key] = std::max(floor_[key], lsn);
      newest = std::max(newest, lsn);
    }
    if (!request.is_batch) return;
    // All that one batch reads stood there at one moment.
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i], value_at(request.gets[i], newest)) << "a batch saw a part of another one";
    }
  }

  // ---- faults -----------------------------------------------------------------------------------

  void commit_some() {
    const std::uint64_t durable = world_.log().durable().value();
    const std::uint64_t last = world_.log().last().value();
    if (last > durable) world_.log().make_durable(Lsn{durable + 1 + below(last - durable)});
  }

  void lose_power() {
    note_lsns();
    pending_.clear();
    world_.lose_power();
    const Lsn durable = world_.log().durable();
    forget_above(durable);
    check_everything();
  }

  void forget_above(Lsn lsn) {
    for (auto& [key, writes] : history_) {
      while (!writes.empty() && std::prev(writes.end())->first > lsn) {
        lsn_of_.erase(std::prev(writes.end())->second.value);
        writes.erase(std::prev(writes.end()));
      }
    }
  }

  // Even what was acknowledged: nobody may rely on it any more.
  void discard() {
    world_.settle();
    world_.log().commit();
    note_lsns();
    const std::uint64_t last = world_.log().last().value();
    const Lsn lsn{last - std::min<std::uint64_t>(last, below(40))};
    if (!world_.discard_to(lsn)) return;
    if (lsn.value() < last) ++discards_;
    EXPECT_EQ(world_.log().durable(), lsn);
    forget_above(lsn);
    for (unsigned key = 0; key < kKeys; ++key) floor_[key] = lsn_of(value_at(key, lsn));
    std::erase_if(kept_, [&](const Request& request) { return request.first_lsn > lsn; });
    check_everything();
  }

  // With nothing else under way every register holds what the model says, and every checked write
  // replaced what it expected.
  void check_everything() {
    world_.settle();
    for (unsigned key = 0; key < kKeys; ++key) {
      Request request;
      request.gets.push_back(key);
      request.floor = floor_;
      const std::uint64_t expected = value_at(key, world_.log().last());
      send(std::move(request));
      world_.settle();
      EXPECT_EQ(lsn_of(expected), floor_[key]) << "register " << key;
    }
    for (const auto& [key, writes] : history_) {
      std::uint64_t before = 0;
      for (const auto& [lsn, set] : writes) {
        if (set.is_checked) {
          EXPECT_EQ(set.expect, before) << "LSN " << lsn.value();
        }
        before = set.value;
      }
    }
  }

  // In memory where there is such a place: the power is the log's, the disk need not be slow.
  static std::filesystem::path fast_place() {
    return std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  }

  const io::TempDirectory directory_{fast_place()};
  std::mt19937 random_;
  std::map<Task*, Request> pending_;
  std::map<unsigned, std::map<Lsn, Set>> history_;  // by key
  std::map<std::uint64_t, Lsn> lsn_of_;             // by value
  std::vector<Lsn> floor_ = std::vector<Lsn>(kKeys);
  std::vector<Request> kept_;
  std::uint64_t last_value_ = 0;
  std::size_t wide_batches_ = 0;
  std::size_t discards_ = 0;
  World world_;
};

TEST(FullDiskTest, AWriteThatWaitsForSpaceIsAnsweredAtItsDeadline) {
  const io::TempDirectory directory;
  std::vector<ErrorCode> answers;
  auto made = std::make_unique<wal::SimLog>();
  wal::SimLog& log = *made;
  World world(directory.path(), 1, [&](Task* task) { answers.push_back(task->code); },
              std::move(made));
  Task* task = nullptr;
  world.set_deadline(world.clock().monotonic_ns() + 1'000'000'000);
  ASSERT_TRUE(world.submit(LaneId{0}, "set", R"({"key":"a","value":1})", "", task));
  world.turn(LaneId{0});
  log.set_failure(ErrorCode::kDiskFull);
  world.turn(LaneId{0});
  EXPECT_TRUE(answers.empty()) << "before its deadline it waits";
  // One that comes now is told at once, also about the same register.
  ASSERT_TRUE(world.submit(LaneId{0}, "set", R"({"key":"a","value":2})", "", task));
  world.turn(LaneId{0});
  EXPECT_EQ(answers, std::vector<ErrorCode>{ErrorCode::kDiskFull});
  answers.clear();
  world.clock().advance(2'000'000'000);
  world.turn(LaneId{0});
  EXPECT_EQ(answers, std::vector<ErrorCode>{ErrorCode::kDeadlineExceeded});
  // It may still become durable: then it is there.
  log.set_failure(ErrorCode::kOk);
  log.commit();
  world.set_deadline(~std::uint64_t{0});
  ASSERT_TRUE(world.submit(LaneId{0}, "get", R"({"key":"a"})", "", task));
  world.settle();
  EXPECT_EQ(answers.back(), ErrorCode::kOk);
}

// Nothing of it was written, so it tells nothing that could become durable later.
TEST(FullDiskTest, ABatchOverLanesIsRefusedAtOnce) {
  const io::TempDirectory directory;
  std::vector<ErrorCode> answers;
  auto made = std::make_unique<wal::SimLog>();
  wal::SimLog& log = *made;
  World world(
      directory.path(), 2, [&](Task* task) { answers.push_back(task->code); }, std::move(made));
  const auto turn = [&] {
    for (int i = 0; i < 40; ++i) world.turn(LaneId{static_cast<std::uint32_t>(i % 2)});
  };
  world.set_deadline(world.clock().monotonic_ns() + 1'000'000'000);
  std::vector<World::Item> items;
  Task* task = nullptr;
  for (const char key : std::string("abcdefgh")) {
    const std::string args = std::string(R"({"key":")") + key + R"(","value":1})";
    ASSERT_TRUE(world.submit(LaneId{0}, "set", args, "", task));
    items.push_back({"set", args});
  }
  turn();
  log.set_failure(ErrorCode::kDiskFull);
  turn();
  EXPECT_TRUE(answers.empty()) << "what is in the log waits";
  ASSERT_TRUE(world.submit_batch(LaneId{0}, items, "", task));
  ASSERT_FALSE(task->children.empty()) << "over both lanes";
  turn();
  EXPECT_EQ(answers, std::vector<ErrorCode>{ErrorCode::kDiskFull});
}

// Those that failed once.
std::vector<unsigned> kept_seeds() {
  std::ifstream file(test::in_tests("simulation/seeds.txt"));
  EXPECT_TRUE(file.is_open());
  std::vector<unsigned> seeds;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') seeds.push_back(static_cast<unsigned>(std::stoul(line)));
  }
  return seeds;
}

// Those of seeds_to_run(), and always those that are kept.
void run_seeds(unsigned usual,
               const std::function<std::unique_ptr<wal::SimulatedLog>(unsigned)>& make_log) {
  std::vector<unsigned> seeds = test::is_one_seed() ? std::vector<unsigned>{} : kept_seeds();
  for (const unsigned seed : test::seeds_to_run(usual)) seeds.push_back(seed);
  std::size_t checkpoints = 0;
  std::size_t wide_batches = 0;
  std::size_t discards = 0;
  for (const unsigned seed : seeds) {
    SCOPED_TRACE("STATOR_SEED=" + std::to_string(seed) + "; put it into tests/simulation/seeds.txt");
    Simulation simulation(seed, make_log(seed));
    simulation.run(1500);
    checkpoints += simulation.checkpoints();
    wide_batches += simulation.wide_batches();
    discards += simulation.discards();
    if (testing::Test::HasFailure()) return;
  }
  if (test::is_one_seed()) return;
  EXPECT_GT(checkpoints, seeds.size() / 2) << "the simulation no longer reaches checkpoints";
  EXPECT_GT(discards, seeds.size()) << "the simulation no longer forgets anything";
  EXPECT_GT(wide_batches, seeds.size()) << "the simulation no longer reaches batches over several lanes";
}

TEST(SimulationTest, KeepsEveryPromiseFromEverySeed) {
  run_seeds(200, [](unsigned) { return std::make_unique<wal::SimLog>(); });
}

TEST(SimulationTest, KeepsEveryPromiseWithTheLogEncryptedOnAFailingDisk) {
  run_seeds(40, [](unsigned seed) { return std::make_unique<EncryptedLog>(seed); });
}

}  // namespace
}  // namespace stator::simulation
