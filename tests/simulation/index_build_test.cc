// Indexes of the document engine that are built beside writes, power cuts, discards and changes of
// lanes, from a seed: when the work is done an index finds what the documents hold, and no value of
// a unique one is two documents'.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "simulation/world.h"
#include "support/seeds.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::simulation {
namespace {

using bridge::Task;
using nlohmann::json;

constexpr unsigned kDocuments = 120;
constexpr unsigned kValues = 6;

class Builds {
 public:
  explicit Builds(unsigned seed)
      : random_(seed),
        world_(directory_.path(), 1 + below(4), [this](Task* task) { answered(task); }) {}

  void run(unsigned steps) {
    for (unsigned i = 0; i < kDocuments; ++i) put(i);
    for (unsigned step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const unsigned choice = below(1000);
      if (choice < 150) {
        below(5) == 0 ? erase(below(kDocuments)) : put(below(kDocuments));
      } else if (choice < 170) {
        create(below(2) == 0);
      } else if (choice < 174) {
        send("index_drop", {{"name", below(2) == 0 ? "n" : "u"}});
      } else if (choice < 900) {
        world_.turn(LaneId{below(world_.lanes())});
      } else if (choice < 985) {
        commit_some();
      } else if (choice < 988) {
        discard();
      } else if (choice < 992) {
        open_ = 0;
        world_.lose_power();
      } else if (choice < 994) {
        world_.restart_with(1 + below(4));
      } else if (choice < 998) {
        check();
      }
    }
    check();
  }
  std::size_t ready() const { return ready_; }
  std::size_t failed() const { return failed_; }

 private:
  std::uint32_t below(std::uint64_t end) { return static_cast<std::uint32_t>(random_() % end); }

  void send(const std::string& op, const json& args) {
    if (open_ > 40) return;
    Task* task = nullptr;
    if (!world_.submit(LaneId{below(world_.lanes())}, op, args.dump(), "", task)) return;
    ++open_;
  }
  void answered(Task* task) {
    open_ -= open_ > 0 ? 1 : 0;
    last_code_ = task->code;
    last_payload_ = std::string(task->payload.view());
    const bool is_expected =
        task->code == ErrorCode::kOk || task->code == ErrorCode::kUniqueViolation ||
        task->code == ErrorCode::kConflictRetry || task->code == ErrorCode::kNotFound;
    EXPECT_TRUE(is_expected) << task->error_sentence;
  }
  void put(unsigned who) {
    json data = {{"n", below(kValues)}};
    if (below(3) != 0) data["u"] = below(4) == 0 ? below(300) : 1000 + who;
    send("point_put", {{"document_id", "d" + std::to_string(who)}, {"data", data}});
  }
  void erase(unsigned who) { send("point_delete", {{"document_id", "d" + std::to_string(who)}}); }
  void create(bool is_unique) {
    json args = {{"path", is_unique ? "u" : "n"}, {"wait", below(4) == 0}};
    if (is_unique) args["kind"] = "unique";
    send("index_create", args);
  }
  void commit_some() {
    const std::uint64_t durable = world_.log().durable().value();
    const std::uint64_t last = world_.log().last().value();
    if (last > durable) world_.log().make_durable(Lsn{durable + 1 + below(last - durable)});
  }
  void discard() {
    finish();
    world_.log().commit();
    const std::uint64_t last = world_.log().last().value();
    world_.discard_to(Lsn{last - std::min<std::uint64_t>(last, below(60))});
  }

  json ask(const std::string& op, const json& args) {
    Task* task = nullptr;
    EXPECT_TRUE(world_.submit(LaneId{0}, op, args.dump(), "", task));
    ++open_;
    world_.settle();
    EXPECT_EQ(last_code_, ErrorCode::kOk) << op;
    return json::parse(last_payload_);
  }
  // Retries of what lanes did not agree on come after a second.
  void finish() {
    world_.settle_work();
    world_.clock().advance(1'100'000'000);
    world_.settle_work();
  }
  void check() {
    finish();
    const json rows = ask("document_scan", {{"limit", 1000}})["rows"];
    const json indexes = ask("index_list", json::object());
    for (const json& index : indexes["indexes"]) {
      const std::string name = index["name"];
      ASSERT_TRUE(index["state"] == "ready" || index["state"] == "failed") << index;
      index["state"] == "ready" ? ++ready_ : ++failed_;
      if (index["state"] == "ready") check_index(name, rows);
    }
  }
  void check_index(const std::string& name, const json& rows) {
    std::map<json, std::set<json>> expected;
    for (const json& row : rows) {
      if (row["data"].contains(name)) expected[row["data"][name]].insert(row["document_id"]);
    }
    for (const auto& [value, ids] : expected) {
      std::set<json> found;
      const json answer = ask("index_lookup", {{"name", name}, {"value", value}, {"limit", 1000}});
      for (const json& row : answer["rows"]) found.insert(row["document_id"]);
      ASSERT_EQ(found, ids) << name << " " << value;
      ASSERT_TRUE(name == "n" || ids.size() == 1) << value << " is two documents'";
    }
    const json all = ask("range_scan", {{"field", name}, {"limit", 1000}});
    std::size_t count = 0;
    for (const auto& [value, ids] : expected) count += ids.size();
    ASSERT_EQ(all["rows"].size(), count) << name;
  }

  static std::filesystem::path fast_place() {
    return std::filesystem::exists("/dev/shm") ? "/dev/shm"
                                               : std::filesystem::temp_directory_path();
  }

  const io::TempDirectory directory_{fast_place()};
  std::mt19937 random_;
  std::size_t open_ = 0;
  ErrorCode last_code_ = ErrorCode::kOk;
  std::string last_payload_;
  std::size_t ready_ = 0;
  std::size_t failed_ = 0;
  World world_;
};

TEST(IndexBuildSimulationTest, AnIndexIsWhatTheDocumentsHoldFromEverySeed) {
  const std::vector<unsigned> seeds = test::seeds_to_run(150);
  std::size_t ready = 0;
  std::size_t failed = 0;
  for (const unsigned seed : seeds) {
    SCOPED_TRACE("STATOR_SEED=" + std::to_string(seed));
    Builds builds(seed);
    builds.run(1500);
    ready += builds.ready();
    failed += builds.failed();
    if (testing::Test::HasFailure()) return;
  }
  if (test::is_one_seed()) return;
  EXPECT_GT(ready, seeds.size()) << "the simulation no longer reaches indexes that are ready";
  EXPECT_GT(failed, 0u);
}

}  // namespace
}  // namespace stator::simulation
