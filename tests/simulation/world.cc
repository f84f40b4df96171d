#include "simulation/world.h"

#include <algorithm>

#include "base/assert.h"
#include "data/host/call_context.h"

extern "C" const stator_engine_v1* stator_engine_entry_v1(const stator_kernel_hello* hello);

namespace stator::simulation {

using bridge::Task;

namespace {

// Small, so that checkpoints are many.
constexpr std::size_t kMemtableBytes = 36 * 1024;
constexpr std::uint64_t kTurnNs = 20'000;
// So little that requests often wait until other answers were taken.
constexpr std::size_t kAnswerBytesAway = 160;

}  // namespace

struct World::Lane {
  Lane(LaneId id, World& world)
      : store(store::Store::open({world.stores() + "/lane-" + std::to_string(id.value()), 1 << 26,
                                  kMemtableBytes, {}})
                  .take()),
        core(std::make_unique<core::CoreLoop>(options_of(id, world, *store))),
        dispatcher(id, *world.mesh_, *world.vshards_, link, pool) {
    const Status recovered = core->recover();
    STATOR_ASSERT(recovered.ok());
  }

  static core::CoreOptions options_of(LaneId id, World& world, store::Store& store) {
    core::CoreOptions options;
    options.lane = id;
    options.lane_count = world.mesh_->lanes();
    options.catalog = &world.catalog_;
    options.binding = world.table_.get();
    options.vshards = world.vshards_.get();
    options.log = world.log_.get();
    options.mesh = world.mesh_.get();
    options.store = &store;
    options.clock = &world.clock_;
    options.watchdog = world.watchdog_.get();
    return options;
  }

  std::unique_ptr<store::Store> store;
  std::unique_ptr<core::CoreLoop> core;
  bridge::TaskPool pool;
  bridge::CoreLink link;
  dispatch::Dispatcher dispatcher;
  std::vector<Task*> done;
};

World::World(std::string directory, std::uint32_t lanes, OnAnswer on_answer,
             std::unique_ptr<wal::SimulatedLog> log)
    : directory_(std::move(directory)), on_answer_(std::move(on_answer)), log_(std::move(log)) {
  plugin::LibraryFile library;
  const stator_engine_v1& engine = *stator_engine_entry_v1(&host::kernel_hello());
  library.path = "engine.so";
  library.manifest = {engine.id, engine.version, STATOR_ABI_MAJOR, STATOR_NEEDS_ABI_MINOR};
  const Status added = catalog_.add(&stator_engine_entry_v1, host::kernel_hello(), library);
  STATOR_ASSERT(added.ok());
  catalog_.seal();
  catalog_.engines().front()->number = EngineNumber{1};
  table_ = std::make_unique<ops::OpTable>(ops::OpTable::build(catalog_, {}).take());
  open(lanes);
}

World::~World() = default;

void World::open(std::uint32_t lanes) {
  lanes_.clear();
  watchdog_ = std::make_unique<core::Watchdog>(lanes, system_clock());
  vshards_ = std::make_unique<bridge::VShardMap>(HashKey{7, 9}, bridge::VShardMap::even(lanes));
  mesh_ = std::make_unique<bridge::LaneMesh>(lanes, kAnswerBytesAway);
  for (std::uint32_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<Lane>(LaneId{i}, *this));
}

void World::fill(Task& task, const std::string& op, const std::string& args_json) const {
  const ops::OpEntry* entry = table_->find(op);
  STATOR_ASSERT(entry != nullptr);
  task.op = entry->op->index;
  task.tenant = TenantId{1};
  task.collection = "sim";
  task.deadline_ns = deadline_ns_;
  const Status bound = table_->bind_args(task.op, args_json, task.args);
  STATOR_ASSERT(bound.ok());
}

dispatch::Route World::route_of(const Task& task) const {
  const stator_op& row = *catalog_.ops()[task.op].row;
  if (row.placement == STATOR_PLACE_ALL) {
    return {dispatch::Placement::kAll, 0, 0, (row.flags & STATOR_OP_TOGETHER) != 0};
  }
  return {dispatch::Placement::kDocument, catalog_.ops()[task.op].key_arg, 0};
}

bool World::submit(LaneId home, const std::string& op, const std::string& args_json,
                   const std::string& idempotency_key, Task*& task) {
  Lane& lane = *lanes_[home.value()];
  task = lane.pool.take();
  fill(*task, op, args_json);
  task->idempotency_key = idempotency_key;
  task->connection = connection_;
  task->request_id = ++requests_;
  const Status sent = lane.dispatcher.dispatch(task, route_of(*task));
  if (!sent.ok()) lane.pool.give_back(task);
  return sent.ok();
}

bool World::submit_batch(LaneId home, const std::vector<Item>& items, const std::string& idempotency_key,
                         Task*& task) {
  Lane& lane = *lanes_[home.value()];
  task = lane.pool.take();
  task->tenant = TenantId{1};
  task->deadline_ns = deadline_ns_;
  task->idempotency_key = idempotency_key;
  task->connection = connection_;
  task->request_id = ++requests_;
  for (const Item& item : items) {
    Task* made = lane.pool.take();
    fill(*made, item.op, item.args_json);
    made->item = static_cast<std::uint32_t>(task->items.size());
    task->items.push_back(made);
    const Status placed = lane.dispatcher.place(made, route_of(*made));
    STATOR_ASSERT(placed.ok());
  }
  const Status sent = lane.dispatcher.dispatch_batch(task);
  if (!sent.ok()) lane.pool.give_back(task);
  return sent.ok();
}

std::string World::answer_of_item(const bridge::Task& batch, std::size_t item) {
  constexpr ByteView kBefore = R"({"status":"ok","payload":)";
  ByteView rest = batch.payload.view();
  for (std::size_t i = 0;; ++i) {
    const std::size_t at = rest.find(kBefore);
    if (at == ByteView::npos) return {};
    rest.remove_prefix(at + kBefore.size());
    if (i < item) continue;
    const std::string text(
        rest.substr(0, rest.find(i + 1 == batch.items.size() ? "}]" : R"(},{"status")")));
    return text == "null" ? std::string() : text;
  }
}

void World::turn(LaneId id) {
  clock_.advance(kTurnNs);
  Lane& lane = *lanes_[id.value()];
  lane.dispatcher.receive();
  begin_work(lane);
  for (int pass = 0; pass < 2; ++pass) {
    lane.core->run(lane.link.submitted, lane.link.answered);
    lane.dispatcher.collect(lane.done);
    if (lane.link.submitted.empty()) break;
  }
  for (Task* task : lane.done) {
    if (task->core_op == bridge::CoreOp::kWork) {
      lane.core->end_work(*task);
      ++work_turns_;
    } else {
      on_answer_(task);
    }
    lane.pool.give_back(task);
  }
  lane.done.clear();
  lane.dispatcher.flush();
  if (!lane.store->checkpoint_running()) return;
  const Status written = lane.store->wait_checkpoint();
  STATOR_ASSERT(written.ok());
  ++checkpoints_;
}

void World::begin_work(Lane& lane) {
  if (!may_work_) return;
  Task* task = lane.pool.take();
  if (!lane.core->begin_work(*task)) return lane.pool.give_back(task);
  lane.dispatcher.dispatch_work(task);
}

void World::settle_work() {
  const auto has_work = [this](const std::unique_ptr<Lane>& lane) {
    return lane->core->next_work_ms().value_or(~std::uint64_t{0}) <= clock_.wall_ms();
  };
  do {
    for (std::uint32_t i = 0; i < lanes(); ++i) turn(LaneId{i});
    settle();
  } while (std::any_of(lanes_.begin(), lanes_.end(), has_work));
}

std::size_t World::waiting(LaneId lane) const { return lanes_[lane.value()]->core->waiting(); }

void World::settle() {
  may_work_ = false;
  settle_open();
  may_work_ = true;
}

void World::settle_open() {
  // What waits for work holds nothing up.
  const auto is_open = [](const std::unique_ptr<Lane>& lane) {
    return lane->pool.taken() > lane->core->later_tasks();
  };
  while (std::any_of(lanes_.begin(), lanes_.end(), is_open)) {
    log_->commit();
    for (std::uint32_t i = 0; i < lanes(); ++i) turn(LaneId{i});
  }
}

void World::lose_power() {
  const std::uint32_t count = lanes();
  lanes_.clear();
  log_->crash();
  open(count);
}

bool World::discard_to(Lsn lsn) {
  settle();
  for (const auto& lane : lanes_) {
    if (lane->core->finish_checkpoint().take() > lsn) return false;
  }
  if (!log_->discard_to(lsn).ok()) return false;
  for (const auto& lane : lanes_) {
    const Status reloaded = lane->core->reload();
    STATOR_ASSERT(reloaded.ok());
  }
  return true;
}

void World::restart_with(std::uint32_t count) {
  settle();
  log_->commit();
  for (const auto& lane : lanes_) {
    const Status written = lane->core->checkpoint();
    STATOR_ASSERT(written.ok());
  }
  const std::uint32_t before = lanes();
  const Lsn up_to = log_->durable();
  lanes_.clear();
  const std::string from = stores();
  ++generation_;
  const bridge::VShardMap after(HashKey{7, 9}, bridge::VShardMap::even(count));
  const Status moved = store::reshard(from, before, stores(), count, up_to,
                                      [&](VShardId vshard) { return after.lane_of(vshard); });
  STATOR_ASSERT(moved.ok());
  log_->reopen();
  open(count);
}

}  // namespace stator::simulation
