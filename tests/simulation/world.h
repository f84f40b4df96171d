// Lanes, dispatchers, stores and a log in one thread: who runs next, what becomes durable and when
// the power goes is the choice of the test. A checkpoint ends before its lane's next turn, so that a
// run depends on its seed alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/core_link.h"
#include "bridge/lane_mesh.h"
#include "control/dispatch/dispatcher.h"
#include "control/ops/op_table.h"
#include "data/core/core_loop.h"
#include "data/store/store.h"
#include "wal/sim_log.h"

namespace stator::simulation {

class SimClock final : public Clock {
 public:
  std::uint64_t monotonic_ns() override { return now_ns_; }
  std::uint64_t wall_ms() override { return 1'700'000'000'000 + now_ns_ / 1'000'000; }
  void advance(std::uint64_t ns) { now_ns_ += ns; }

 private:
  std::uint64_t now_ns_ = 1;
};

class World {
 public:
  using OnAnswer = std::function<void(bridge::Task*)>;

  World(std::string directory, std::uint32_t lanes, OnAnswer on_answer,
        std::unique_ptr<wal::SimulatedLog> log = std::make_unique<wal::SimLog>());
  ~World();

  // A request for a lane's connection; its answer goes to on_answer. False: the lane is too busy.
  bool submit(LaneId home, const std::string& op, const std::string& args_json, const std::string& idempotency_key,
              bridge::Task*& task);
  struct Item {
    std::string op;
    std::string args_json;
  };
  bool submit_batch(LaneId home, const std::vector<Item>& items, const std::string& idempotency_key,
                    bridge::Task*& task);
  // What an item of an answered batch says; empty: nothing, or the batch was refused.
  static std::string answer_of_item(const bridge::Task& batch, std::size_t item);
  void turn(LaneId lane);
  // Turns and commits until nothing is open and no background work is due.
  void settle_work();
  // Turns and commits until nothing is open.
  void settle();

  // Everything that is not durable is gone; what was open gets no answer.
  void lose_power();
  // Everything above `lsn` is forgotten, durable or not, while the lanes stand still. False, and nothing
  // happened: it is no end of a batch, or a checkpoint holds some of it.
  bool discard_to(Lsn lsn);
  // A clean stop, and a start with another number of lanes.
  void restart_with(std::uint32_t lanes);

  wal::SimulatedLog& log() { return *log_; }
  SimClock& clock() { return clock_; }
  // Of the requests to come; monotonic.
  void set_deadline(std::uint64_t deadline_ns) { deadline_ns_ = deadline_ns; }
  // Of the requests to come; kNoConnection at first.
  void set_connection(std::uint32_t connection) { connection_ = connection; }
  std::uint32_t lanes() const { return static_cast<std::uint32_t>(lanes_.size()); }
  std::size_t checkpoints() const { return checkpoints_; }
  // What the lane's core has to wait for before a clean stop.
  std::size_t waiting(LaneId lane) const;
  // Of background work that ended, refused ones too.
  std::size_t work_turns() const { return work_turns_; }

 private:
  struct Lane;
  void open(std::uint32_t lanes);
  void begin_work(Lane& lane);
  void settle_open();
  std::string stores() const { return directory_ + "/stores-" + std::to_string(generation_); }
  void fill(bridge::Task& task, const std::string& op, const std::string& args_json) const;
  dispatch::Route route_of(const bridge::Task& task) const;

  const std::string directory_;
  const OnAnswer on_answer_;
  SimClock clock_;
  const std::unique_ptr<wal::SimulatedLog> log_;
  plugin::Catalog catalog_;
  std::unique_ptr<ops::OpTable> table_;
  std::unique_ptr<core::Watchdog> watchdog_;
  std::unique_ptr<bridge::VShardMap> vshards_;
  std::unique_ptr<bridge::LaneMesh> mesh_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::uint64_t deadline_ns_ = ~std::uint64_t{0};
  std::uint32_t connection_ = bridge::kNoConnection;
  std::uint64_t requests_ = 0;
  std::size_t generation_ = 0;
  std::size_t checkpoints_ = 0;
  std::size_t work_turns_ = 0;
  bool may_work_ = true;  // as lanes that are to stand still do not begin any
};

}  // namespace stator::simulation
