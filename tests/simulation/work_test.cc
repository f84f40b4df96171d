// Background work beside requests, power cuts, discards and changes of lanes, from a seed: leases
// end at their time and not before, and the tickets are those of the leases that are there. The
// engine: tests/support/lease_engine.cc.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "simulation/world.h"
#include "support/seeds.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::simulation {
namespace {

using bridge::Task;

constexpr unsigned kNames = 12;
constexpr unsigned kTickets = 9;

struct Lease {
  std::uint64_t until = 0;
  std::string ticket;
};

class Work {
 public:
  explicit Work(unsigned seed)
      : random_(seed),
        world_(directory_.path(), 1 + below(4), [this](Task* task) { answered(task); }) {}

  void run(unsigned steps) {
    for (unsigned step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const unsigned choice = below(1000);
      if (choice < 250) {
        lease();
      } else if (choice < 880) {
        world_.turn(LaneId{below(world_.lanes())});
      } else if (choice < 960) {
        commit_some();
      } else if (choice < 985) {
        world_.clock().advance(std::uint64_t{below(40)} * 1'000'000);
      } else if (choice < 990) {
        check_all_over();
      } else if (choice < 993) {
        discard();
      } else if (choice < 997) {
        lose_power();
      } else {
        world_.restart_with(1 + below(4));
        ++restarts_;
      }
    }
    check_all_over();
  }
  std::size_t ended() const { return ended_; }
  std::size_t refused() const { return refused_; }
  std::size_t kept() const { return kept_; }

 private:
  std::uint32_t below(std::uint64_t end) { return static_cast<std::uint32_t>(random_() % end); }
  std::string name_of(unsigned i) { return "n" + std::to_string(i); }

  void lease() {
    const unsigned who = below(kNames);
    if (open_.count(who) != 0) return;  // of one lease nobody knows the order of two requests
    const Lease wanted{world_.clock().wall_ms() + below(60), "t" + std::to_string(below(kTickets))};
    Task* task = nullptr;
    ASSERT_TRUE(world_.submit(LaneId{below(world_.lanes())}, "lease",
                              R"({"name":")" + name_of(who) + R"(","until":)" +
                                  std::to_string(wanted.until) + R"(,"ticket":")" + wanted.ticket +
                                  "\"}",
                              "", task));
    open_.emplace(who, wanted);
    pending_.emplace(task, who);
  }

  void answered(Task* task) {
    last_payload_ = std::string(task->payload.view());
    const auto found = pending_.find(task);
    if (found == pending_.end()) return;
    const unsigned who = found->second;
    pending_.erase(found);
    if (task->code == ErrorCode::kOk) {
      leases_[who] = open_[who];
    } else {
      EXPECT_EQ(task->code, ErrorCode::kUniqueViolation) << task->error_sentence;
      ++refused_;
    }
    open_.erase(who);
  }

  void commit_some() {
    const std::uint64_t durable = world_.log().durable().value();
    const std::uint64_t last = world_.log().last().value();
    if (last > durable) world_.log().make_durable(Lsn{durable + 1 + below(last - durable)});
  }

  std::string read(const std::string& op, const std::string& args) {
    Task* task = nullptr;
    EXPECT_TRUE(world_.submit(LaneId{0}, op, args, "", task));
    world_.settle();
    return last_payload_;
  }
  std::string read(const std::string& op, const std::string& field, const std::string& key) {
    return read(op, "{\"" + field + "\":\"" + key + "\"}");
  }
  std::string lease_of(unsigned who) { return read("lease_get", "name", name_of(who)); }

  // Every lease that was acknowledged, and whose time is not over, is there; tickets and leases
  // agree; what all lanes were told together was true of each.
  void check() {
    EXPECT_EQ(read("swept_early", "{}"), "");
    const std::uint64_t now = world_.clock().wall_ms();
    std::map<std::string, std::string> holders;
    for (unsigned who = 0; who < kNames; ++who) {
      const std::string ticket = lease_of(who);
      const bool is_new = ticket.empty() || holders.emplace(ticket, name_of(who)).second;
      EXPECT_TRUE(is_new) << ticket << " is two leases'";
      const auto known = leases_.find(who);
      if (known == leases_.end()) continue;
      if (known->second.until > now + 1) {
        EXPECT_EQ(ticket, known->second.ticket) << name_of(who) << " ended before its time";
        ++kept_;
      }
    }
    for (unsigned i = 0; i < kTickets; ++i) {
      const std::string ticket = "t" + std::to_string(i);
      const auto held = holders.find(ticket);
      EXPECT_EQ(read("ticket_get", "ticket", ticket), held == holders.end() ? "" : held->second);
    }
  }

  // Once the work is done nothing is there whose time was over.
  void check_all_over() {
    world_.settle();
    world_.settle_work();
    const std::uint64_t now = world_.clock().wall_ms();
    check();
    world_.settle_work();
    for (auto& [who, lease] : leases_) {
      if (lease.until >= now) continue;
      EXPECT_EQ(lease_of(who), "") << name_of(who) << " is there behind its time";
      ++ended_;
    }
    std::erase_if(leases_, [&](const auto& one) { return one.second.until < now; });
  }

  void forget_open() {
    for (const auto& [who, lease] : open_) leases_.erase(who);  // carried out, or not
    open_.clear();
    pending_.clear();
  }
  void lose_power() {
    forget_open();
    world_.lose_power();
    check();
  }
  void discard() {
    world_.settle();
    world_.log().commit();
    const std::uint64_t last = world_.log().last().value();
    const Lsn lsn{last - std::min<std::uint64_t>(last, below(20))};
    if (!world_.discard_to(lsn)) return;
    // What was discarded may have replaced, or ended, what is known.
    leases_.clear();
    check();
  }

  static std::filesystem::path fast_place() {
    return std::filesystem::exists("/dev/shm") ? "/dev/shm"
                                               : std::filesystem::temp_directory_path();
  }

  const io::TempDirectory directory_{fast_place()};
  std::mt19937 random_;
  std::map<Task*, unsigned> pending_;
  std::map<unsigned, Lease> open_;    // asked for
  std::map<unsigned, Lease> leases_;  // acknowledged
  std::string last_payload_;
  std::size_t ended_ = 0;
  std::size_t refused_ = 0;
  std::size_t kept_ = 0;
  std::size_t restarts_ = 0;
  World world_;
};

TEST(WorkSimulationTest, LeasesEndAtTheirTimeFromEverySeed) {
  const std::vector<unsigned> seeds = test::seeds_to_run(100);
  std::size_t ended = 0;
  std::size_t refused = 0;
  std::size_t kept = 0;
  for (const unsigned seed : seeds) {
    SCOPED_TRACE("STATOR_SEED=" + std::to_string(seed));
    Work work(seed);
    work.run(1500);
    ended += work.ended();
    refused += work.refused();
    kept += work.kept();
    if (testing::Test::HasFailure()) return;
  }
  if (test::is_one_seed()) return;
  EXPECT_GT(ended, seeds.size()) << "the simulation no longer reaches leases that end";
  EXPECT_GT(refused, seeds.size());
  EXPECT_GT(kept, seeds.size());
}

// It goes ahead of the disk, but a stop finds all of it there.
TEST(WorkSimulationTest, ACleanStopWaitsForWhatWorkWrote) {
  const io::TempDirectory directory;
  World world(directory.path(), 1, [](Task*) {});
  Task* task = nullptr;
  ASSERT_TRUE(world.submit(LaneId{0}, "lease", R"({"name":"n","until":1700000000001,"ticket":"t"})",
                           "", task));
  world.settle();
  ASSERT_EQ(world.waiting(LaneId{0}), 0u);
  const Lsn before = world.log().last();
  world.clock().advance(5'000'000);
  for (unsigned turn = 0; world.work_turns() == 0 && turn < 100; ++turn) world.turn(LaneId{0});
  ASSERT_GT(world.work_turns(), 0u) << "the turn waits for the disk itself";
  ASSERT_GT(world.log().last(), before);
  ASSERT_LT(world.log().durable(), world.log().last());
  EXPECT_GT(world.waiting(LaneId{0}), 0u);
  world.log().commit();
  EXPECT_EQ(world.waiting(LaneId{0}), 0u);
}

// What all lanes answered was durable, and by then the engine holds what is not: merge looks at both.
TEST(WorkSimulationTest, AnAnswerWaitsForWhatItsMergeSaw) {
  const io::TempDirectory directory;
  Task* task = nullptr;
  bool is_answered = false;
  World world(directory.path(), 2, [&](Task* one) { is_answered |= one == task; });
  const auto ask = [&](LaneId home, const std::string& op, const std::string& args) {
    is_answered = false;
    ASSERT_TRUE(world.submit(home, op, args, "", task));
  };
  ask(LaneId{0}, "lease", R"({"name":"n","until":1700000000001,"ticket":"t"})");
  for (unsigned turn = 0; turn < 3; ++turn) {
    world.turn(LaneId{0});
    world.log().commit();
  }
  // Whose it is, without the other's help.
  const LaneId owner{is_answered ? 0u : 1u};
  const LaneId other{1 - owner.value()};
  world.settle();
  world.clock().advance(5'000'000);
  const Lsn before = world.log().last();
  ask(owner, "lease_sweep", "{}");
  for (unsigned turn = 0; world.log().last() == before && turn < 100; ++turn) world.turn(owner);
  ASSERT_GT(world.log().last(), before) << "nothing ended the lease";
  for (unsigned turn = 0; turn < 10; ++turn) {
    world.turn(other);
    world.turn(owner);
    ASSERT_FALSE(is_answered) << "a power cut would bring the lease back";
  }
  world.settle();
  EXPECT_TRUE(is_answered);
}

// The same seed is the same run.
TEST(WorkSimulationTest, WorkIsDoneInTheSameTurnsFromOneSeed) {
  const auto log_of = [](unsigned seed) {
    const io::TempDirectory directory;
    std::string log;
    World world(directory.path(), 3,
                [&](Task* task) { log += std::to_string(task->lsn.value()) + " "; });
    std::mt19937 random(seed);
    for (unsigned i = 0; i < 60; ++i) {
      Task* task = nullptr;
      world.submit(LaneId{static_cast<std::uint32_t>(random() % 3)}, "lease",
                   R"({"name":"n)" + std::to_string(i) + R"(","until":1700000000001,"ticket":"t)" +
                       std::to_string(i) + "\"}",
                   "", task);
      for (unsigned turn = 0; turn < 5; ++turn)
        world.turn(LaneId{static_cast<std::uint32_t>(random() % 3)});
      world.log().commit();
    }
    world.clock().advance(5'000'000);
    world.settle_work();
    EXPECT_GT(world.work_turns(), 20u);
    return log + std::to_string(world.log().last().value()) + " " +
           std::to_string(world.work_turns());
  };
  EXPECT_EQ(log_of(7), log_of(7));
}

}  // namespace
}  // namespace stator::simulation
