// Names that one register may have, claimed across lanes (docs/adr/0032), from a seed: power cuts,
// discards and changes of lanes at any moment. Names and their holders are always each other's
// inverse, and what one connection sends about one register is carried out in its order.
#include <array>
#include <deque>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "simulation/world.h"
#include "support/seeds.h"
#include "unit/kernel/io/temp_directory.h"

namespace stator::simulation {
namespace {

using bridge::Task;

constexpr unsigned kRegisters = 20;  // each has a connection of its own
constexpr unsigned kBatched = 8;     // written by batches alone
constexpr unsigned kNames = 24;

class Claims {
 public:
  explicit Claims(unsigned seed)
      : random_(seed),
        world_(directory_.path(), 1 + below(4), [this](Task* task) { answered(task); }) {}

  void run(unsigned steps) {
    for (unsigned step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const unsigned choice = below(1000);
      if (choice < 350) {
        submit();
      } else if (choice < 900) {
        world_.turn(LaneId{below(world_.lanes())});
      } else if (choice < 985) {
        commit_some();
      } else if (choice < 990) {
        discard();
      } else if (choice < 995) {
        lose_power();
      } else {
        world_.settle();
        world_.restart_with(1 + below(4));
        check_everything();
      }
    }
    world_.settle();
    check_everything();
  }

  std::size_t refusals() const { return refusals_; }
  std::size_t owned() const { return owned_; }
  std::size_t repeats() const { return repeats_; }

 private:
  struct Request {
    bool is_read = false;
    bool is_done = false;
    bool is_refused = false;
    unsigned owner = 0;
    std::string name;  // to own, or what was read
  };
  struct Pending {
    std::shared_ptr<Request> request;  // null: of a batch, or a repeat
    std::string op;
    std::string args;
    std::string key;
    Lsn repeated;  // of a repeat: the first answer's
  };
  struct Kept {
    unsigned owner;
    std::string args;
    std::string key;
    Lsn lsn;
  };

  std::uint32_t below(std::uint64_t end) { return static_cast<std::uint32_t>(random_() % end); }
  static std::string register_name(unsigned key) { return "r" + std::to_string(key); }
  std::string random_name() { return below(6) == 0 ? "" : "n" + std::to_string(below(kNames)); }
  static std::string key_args(const std::string& key) { return R"({"key":")" + key + R"("})"; }
  static std::string own_args(unsigned key, const std::string& name) {
    return R"({"key":")" + register_name(key) + R"(","name":")" + name + R"("})";
  }
  LaneId home_of(unsigned key) const { return LaneId{key % world_.lanes()}; }

  void submit() {
    if (pending_.size() > 60) return;
    if (below(5) == 0) return submit_batch();
    const unsigned owner = below(kRegisters);
    if (barriers_.count(owner) != 0) return;
    if (!kept_.empty() && below(12) == 0) {
      const Kept& kept = kept_[below(kept_.size())];
      if (barriers_.count(kept.owner) != 0) return;
      return send(kept.owner, {nullptr, "own", kept.args, kept.key, kept.lsn});
    }
    auto request = std::make_shared<Request>();
    request->is_read = below(3) == 0;
    request->owner = owner;
    if (!request->is_read) request->name = random_name();
    order_[owner].push_back(request);
    const std::string key = request->is_read || below(4) != 0 ? "" : "k" + std::to_string(++keys_);
    send(owner, {request,
                 request->is_read ? "name" : "own",
                 request->is_read ? key_args(register_name(owner)) : own_args(owner, request->name),
                 key,
                 {}});
  }
  void send(unsigned owner, Pending pending) {
    Task* task = nullptr;
    world_.set_connection(owner);
    ASSERT_TRUE(world_.submit(home_of(owner), pending.op, pending.args, pending.key, task));
    pending_.emplace(task, std::move(pending));
  }
  // Some are of a register's connection and read it: they, too, are in the order of the connection,
  // which waits behind one over several lanes, as a session does.
  void submit_batch() {
    std::vector<World::Item> items;
    for (unsigned i = 0; i < kBatched; ++i) {
      if (below(3) == 0) items.push_back({"own", own_args(kRegisters + i, random_name())});
    }
    if (items.empty()) return;
    const unsigned owner = below(kRegisters);
    if (below(2) == 0 || barriers_.count(owner) != 0) {
      send_batch(items);
      return;
    }
    auto request = std::make_shared<Request>();
    request->is_read = true;
    request->owner = owner;
    order_[owner].push_back(request);
    items.push_back({"name", key_args(register_name(owner))});
    Task* task = nullptr;
    world_.set_connection(owner);
    ASSERT_TRUE(world_.submit_batch(home_of(owner), items, "", task));
    if (!task->children.empty()) barriers_[owner] = task;
    pending_.emplace(task, Pending{request, "", "", "", {}});
  }
  Task* send_batch(const std::vector<World::Item>& items) {
    Task* task = nullptr;
    world_.set_connection(bridge::kNoConnection);
    EXPECT_TRUE(world_.submit_batch(LaneId{below(world_.lanes())}, items, "", task));
    pending_.emplace(task, Pending{});
    return task;
  }

  void answered(Task* task) {
    const Pending pending = pending_.at(task);
    pending_.erase(task);
    last_code_ = task->code;
    last_payload_ = std::string(task->payload.view());
    EXPECT_TRUE(task->code == ErrorCode::kOk || task->code == ErrorCode::kUniqueViolation)
        << static_cast<int>(task->code) << task->error_sentence;
    EXPECT_LE(task->lsn, world_.log().durable()) << "answered before it was durable";
    if (task->code != ErrorCode::kOk) {
      ++refusals_;
      EXPECT_EQ(task->lsn, Lsn{});
    }
    if (pending.repeated != Lsn{}) {
      EXPECT_EQ(task->lsn, pending.repeated) << "a repeat was carried out again";
      ++repeats_;
      return;
    }
    if (pending.request == nullptr) return;
    Request& request = *pending.request;
    request.is_done = true;
    request.is_refused = task->code != ErrorCode::kOk;
    if (request.is_read) request.name = last_payload_;
    if (!task->items.empty()) request.name = World::answer_of_item(*task, task->items.size() - 1);
    if (barriers_.count(request.owner) != 0 && barriers_[request.owner] == task) {
      barriers_.erase(request.owner);
    }
    if (!request.is_read && !request.is_refused) {
      ++owned_;
      EXPECT_EQ(last_payload_, "{\"lsn\":" + std::to_string(task->lsn.value()) + "}");
      if (!pending.key.empty())
        kept_.push_back({request.owner, pending.args, pending.key, task->lsn});
    }
    look_at_order(request.owner);
  }

  // What is answered, in the order in which it was sent.
  void look_at_order(unsigned owner) {
    auto& order = order_[owner];
    for (; !order.empty() && order.front()->is_done; order.pop_front()) {
      const Request& request = *order.front();
      if (request.is_refused) continue;
      if (!request.is_read) {
        names_[owner] = request.name;
      } else {
        EXPECT_EQ(request.name, names_[owner]) << register_name(owner) << " was read out of order";
      }
    }
  }

  void commit_some() {
    const std::uint64_t durable = world_.log().durable().value();
    const std::uint64_t last = world_.log().last().value();
    if (last > durable) world_.log().make_durable(Lsn{durable + 1 + below(last - durable)});
  }
  void forget_open() {
    pending_.clear();
    barriers_.clear();
    for (auto& order : order_) order.clear();
  }
  void lose_power() {
    forget_open();
    world_.lose_power();
    const Lsn durable = world_.log().durable();
    std::erase_if(kept_, [&](const Kept& kept) { return kept.lsn > durable; });
    read_everything();
    check_everything();
  }
  void discard() {
    world_.settle();
    world_.log().commit();
    const std::uint64_t last = world_.log().last().value();
    const Lsn lsn{last - std::min<std::uint64_t>(last, below(40))};
    if (!world_.discard_to(lsn)) return;
    std::erase_if(kept_, [&](const Kept& kept) { return kept.lsn > lsn; });
    read_everything();
    check_everything();
  }

  std::string read(const std::string& op, const std::string& key) {
    Task* task = nullptr;
    world_.set_connection(bridge::kNoConnection);
    EXPECT_TRUE(world_.submit(LaneId{0}, op, key_args(key), "", task));
    pending_.emplace(task, Pending{});
    world_.settle();
    EXPECT_EQ(last_code_, ErrorCode::kOk);
    return last_payload_;
  }
  // After a crash nobody knows which of the open requests were carried out.
  void read_everything() {
    for (unsigned i = 0; i < kRegisters; ++i) names_[i] = read("name", register_name(i));
  }

  void check_everything() {
    world_.settle();
    std::map<std::string, std::string> holders;
    for (unsigned i = 0; i < kRegisters + kBatched; ++i) {
      const std::string name = read("name", register_name(i));
      if (i < kRegisters) {
        EXPECT_EQ(name, names_[i]) << register_name(i);
      }
      if (name.empty()) continue;
      EXPECT_TRUE(holders.emplace(name, register_name(i)).second) << name << " is two registers'";
    }
    for (unsigned i = 0; i < kNames; ++i) {
      const std::string name = "n" + std::to_string(i);
      const auto found = holders.find(name);
      EXPECT_EQ(read("holder", name), found == holders.end() ? "" : found->second) << name;
    }
    if (!testing::Test::HasFailure()) check_rules(holders);
  }
  // Alone, a free name can be had, a held one not, and a batch may exchange two.
  void check_rules(const std::map<std::string, std::string>& holders) {
    const unsigned owner = kRegisters + below(kBatched);
    for (unsigned i = 0; i < kNames; ++i) {
      const std::string name = "n" + std::to_string(i);
      const auto found = holders.find(name);
      send_batch({{"own", own_args(owner, name)}});
      world_.settle();
      const bool is_free = found == holders.end() || found->second == register_name(owner);
      EXPECT_EQ(last_code_, is_free ? ErrorCode::kOk : ErrorCode::kUniqueViolation) << name;
      if (is_free) break;
    }
    const unsigned other = kRegisters + (owner - kRegisters + 1) % kBatched;
    const std::string one = read("name", register_name(owner));
    const std::string two = read("name", register_name(other));
    send_batch({{"own", own_args(owner, two)}, {"own", own_args(other, one)}});
    world_.settle();
    EXPECT_EQ(last_code_, ErrorCode::kOk) << "two registers exchange their names";
  }

  static std::filesystem::path fast_place() {
    return std::filesystem::exists("/dev/shm") ? "/dev/shm"
                                               : std::filesystem::temp_directory_path();
  }

  const io::TempDirectory directory_{fast_place()};
  std::mt19937 random_;
  std::map<Task*, Pending> pending_;
  std::array<std::deque<std::shared_ptr<Request>>, kRegisters> order_;  // sent, oldest first
  std::array<std::string, kRegisters> names_;
  std::map<unsigned, Task*> barriers_;  // by register: a batch over several lanes that is open
  std::vector<Kept> kept_;
  ErrorCode last_code_ = ErrorCode::kOk;
  std::string last_payload_;
  unsigned keys_ = 0;
  std::size_t refusals_ = 0;
  std::size_t owned_ = 0;
  std::size_t repeats_ = 0;
  World world_;
};

TEST(ClaimsSimulationTest, ANameIsOneRegistersFromEverySeed) {
  const std::vector<unsigned> seeds = test::seeds_to_run(150);
  std::size_t refusals = 0;
  std::size_t owned = 0;
  std::size_t repeats = 0;
  for (const unsigned seed : seeds) {
    SCOPED_TRACE("STATOR_SEED=" + std::to_string(seed));
    Claims claims(seed);
    claims.run(1500);
    refusals += claims.refusals();
    owned += claims.owned();
    repeats += claims.repeats();
    if (testing::Test::HasFailure()) return;
  }
  if (test::is_one_seed()) return;
  EXPECT_GT(refusals, seeds.size()) << "the simulation no longer reaches names that are taken";
  EXPECT_GT(owned, seeds.size());
  EXPECT_GT(repeats, seeds.size());
}

}  // namespace
}  // namespace stator::simulation
