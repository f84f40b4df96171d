#include "server/lane.h"

#include <algorithm>

#include "base/log.h"
#include "base/thread_role.h"
#include "system/stored_form.h"

namespace stator::server {
namespace {

// Requests that are executed together while others still wait in their sockets: enough to overlap
// their cache misses, few enough that tasks, arguments and answers stay in the L2 cache.
constexpr std::size_t kGroup = 64;
// A refusal takes as much of a turn as so many other requests: who asks what is refused comes last.
constexpr std::uint64_t kRequestsPerError = 8;
// Answered tasks that are fetched while others are written: those that waited for the disk are cold.
constexpr std::size_t kAhead = 4;
// Time that a client must have talked alone to send large requests at full speed.
constexpr std::uint64_t kAloneNs = 10'000'000;
// What says that nothing is left of a dropped tenant.
core::SystemRecord end_of_drop(TenantId tenant) {
  return {system::kRecordErase, system::kCollection,
          system::write_record(system::kSpaceTenant, system::tenant_key(tenant.value()), {})};
}

void set(bridge::LaneGauges::Gauge& gauge, std::uint64_t value) {
  gauge.store(value, std::memory_order_relaxed);
}

// Looks at peers in the time after which they are stuck.
constexpr std::uint64_t kLooksPerStuck = 4;

}  // namespace

Lane::Lane(LaneId id, LaneShared& shared, std::unique_ptr<store::Store> store)
    : id_(id),
      shared_(shared),
      store_(std::move(store)),
      dispatcher_(id, *shared.mesh, *shared.vshards, link_, pool_),
      backups_(id, *shared.backups),
      backup_streams_(id, *shared.backups),
      maintenance_(id, *shared.maintenance),
      changes_(id, *shared.changes, *shared.log) {
  host_.lane = id;
  host_.auth_mode = shared.auth_mode;
  host_.certificates_name_users = shared.certificates_name_users;
  host_.jwt = shared.jwt;
  host_.table = shared.table;
  host_.dispatcher = &dispatcher_;
  host_.pool = &pool_;
  host_.passwords = shared.passwords;
  host_.policy = shared.policy;
  host_.lockout = shared.lockout;
  host_.audit = shared.audit;
  host_.watermark = [log = shared.log] { return log->durable(); };
  host_.log_health = [log = shared.log] { return log->health(); };
  host_.ops_digest = shared.ops_digest;
  host_.memory_is_full = shared.memory_is_full;
  host_.buffered_bytes_max = shared.buffered_bytes_max;
  host_.room.bytes_max = shared.buffered_bytes_max;
  dispatcher_.set_part_bytes(shared.buffered_bytes_max);
  host_.backups = &backups_;
  host_.maintenance = &maintenance_;
  host_.changes = &changes_;
  host_.backup_streams = &backup_streams_;
  host_.stats = shared.stats;
  host_.meter = (*shared.meters)[id.value()].get();
}

Lane::~Lane() = default;

std::future<Status> Lane::start() {
  std::future<Status> result = recovered_.get_future();
  thread_ = io::Thread("lane-" + std::to_string(id_.value()), [this] {
    const ActsAs role(threads::lane);
    run();
  });
  return result;
}

void Lane::serve(net::Listeners listeners, net::Socket kernel_socket) {
  sockets_.set_value({std::move(listeners), std::move(kernel_socket)});
}

Status Lane::join() {
  thread_.join();
  return std::move(last_checkpoint_);
}

void Lane::run() {
  core_ = std::make_unique<core::CoreLoop>(
      core::CoreOptions{id_, shared_.mesh->lanes(), shared_.catalog, shared_.table, shared_.vshards,
                        shared_.log, store_.get(), &system_clock(), shared_.watchdog,
                        shared_.on_applied, shared_.on_parked, shared_.progress,
                        [policy = shared_.policy](const wal::RecordView& record) {
                          policy->apply(record.type, record.payload);
                        },
                        shared_.drops, &end_of_drop,
                        [policy = shared_.policy](TenantId tenant, std::int64_t bytes) {
                          policy->add_memory(tenant, bytes);
                        },
                        shared_.quarantine, shared_.mesh});
  Status status = core_->recover();
  const bool is_ok = status.ok();
  publish_core();
  recovered_.set_value(std::move(status));
  if (is_ok) {
    Sockets sockets = sockets_.get_future().get();
    net::EventLoop events(host_, std::move(sockets.listeners), *shared_.connections,
                          shared_.mesh->doorbell(id_).fd());
    if (sockets.kernel.is_open()) events.adopt(std::move(sockets.kernel), auth::anonymous());
    loop(events);
  }
  core_.reset();
}

bool Lane::has_work() const {
  return !link_.submitted.empty() || core_->has_ready() || is_log_left_ ||
         shared_.mesh->has_work(id_);
}

int Lane::timeout_ms(const net::EventLoop& events) const {
  if (has_work()) return 0;
  int timeout = events.timeout_ms();
  for (const std::uint64_t deadline :
       {core_->next_deadline_ns(), backups_.next_deadline_ns(), events.held_deadline_ns()}) {
    if (deadline == 0) continue;
    const std::uint64_t now = system_clock().monotonic_ns();
    const auto left = deadline <= now ? 0 : static_cast<int>((deadline - now) / 1'000'000) + 1;
    timeout = timeout < 0 ? left : std::min(timeout, left);
  }
  if (may_work()) {
    const std::uint64_t now = system_clock().wall_ms();
    const std::uint64_t due = *core_->next_work_ms();
    const auto left =
        due <= now ? 0 : static_cast<int>(std::min<std::uint64_t>(due - now, kWorkSleepMs));
    timeout = timeout < 0 ? left : std::min(timeout, left);
  }
  if (!dispatcher_.is_idle() || dispatcher_.has_stuck()) {
    const auto look = static_cast<int>(shared_.stuck_ns / kLooksPerStuck / 1'000'000);
    timeout = timeout < 0 ? look : std::min(timeout, look);
  }
  return timeout;
}

void Lane::turn(net::EventLoop& events, int timeout) {
  bridge::Doorbell& doorbell = shared_.mesh->doorbell(id_);
  if (timeout != 0 && !doorbell.about_to_sleep()) timeout = 0;
  if (timeout != 0) set_busy_since(0);
  const std::size_t ready = events.wait(timeout);
  set_busy_since(events.now_ns());
  doorbell.awake();
  for (const auth::PasswordAnswer& answer : shared_.passwords->take(id_)) events.on_password(answer);
  dispatcher_.receive();
  dispatcher_.set_home_queue(core_->ready());
  look_after_peers(events.now_ns());
  begin_work();
  read_sockets(events, ready);
  dispatcher_.flush();
  work(events);
  meet_peers(events);
  const bool may_write = may_write_log(events);
  if (!may_write) shared_.log->flush();
  publish(events);
  send(events, !may_write);
  // Asked when it is sent: who was served without the log has nothing to wait for now.
  const bool all_wait = shared_.mesh->lanes() > 1 || events.all_wait(ready);
  if (!all_wait) inline_commit_.served_other(events.now_ns());
  is_log_left_ = may_write && write_log(events, all_wait);
  dispatcher_.flush();
  publish(events);  // what ended there, before the lane sleeps
}

// Where too much waits the rest stays in the sockets, and next time they come first. Those amid a
// large request come last, in turns of their own: hundreds of them may be ready, each with more
// than a turn can take, and who asks for little would wait for all of them.
void Lane::read_sockets(net::EventLoop& events, std::size_t ready) {
  events.set_read_bytes(dispatcher_.is_pressed() ? kReadBytesPressed : kReadBytesPerTurn);
  const auto cost = [this] { return host_.requests + kRequestsPerError * host_.errors; };
  const std::uint64_t before = cost();
  const auto is_enough = [&] {
    return dispatcher_.is_home_pressed() || events.received_bytes() > kReadBytesOfTurnMax ||
           cost() - before > kReadRequestsOfTurnMax;
  };
  // By name: who was served and had nothing more stands elsewhere among those that are ready now.
  const std::size_t first = events.position_of(first_socket_, ready);
  first_socket_ = net::EventLoop::kNobody;
  large_.clear();
  bool is_over = false;
  for (std::size_t i = 0; i < ready; ++i) {
    const std::size_t at = (first + i) % ready;
    if (events.is_amid_large(at)) {
      large_.push_back(at);
    } else if (is_over || is_enough()) {
      if (!is_over) first_socket_ = events.name_of(at);
      is_over = true;
      events.pass_over(at);
    } else {
      events.receive(at);
      if (link_.submitted.size() < kGroup) continue;
      dispatcher_.flush();
      work(events, core::TurnPart::kMoreToCome);
    }
  }
  if (!large_.empty()) read_large(events);
}

// At least one of them, however much others had.
void Lane::read_large(net::EventLoop& events) {
  const auto first = std::find_if(large_.begin(), large_.end(), [&](std::size_t at) {
    return events.name_of(at) == first_large_;
  });
  if (first != large_.end()) std::rotate(large_.begin(), first, large_.end());
  const bool is_alone = events.now_ns() > events.alone_since_ns() + kAloneNs;
  const std::size_t most = is_alone ? kReadBytesPerTurn : kReadBytesOfLargeMax;
  events.set_read_bytes(dispatcher_.is_pressed() ? kReadBytesPressed : most);
  const std::size_t before = events.received_bytes();
  first_large_ = net::EventLoop::kNobody;
  for (const std::size_t at : large_) {
    const bool is_enough =
        dispatcher_.is_home_pressed() || events.received_bytes() - before >= most;
    if (!is_enough) {
      events.receive(at);
      continue;
    }
    events.pass_over(at);
    if (first_large_ == net::EventLoop::kNobody) first_large_ = events.name_of(at);
  }
}

void Lane::begin_work() {
  if (!may_work() || *core_->next_work_ms() > system_clock().wall_ms()) return;
  bridge::Task* task = pool_.take();
  if (!core_->begin_work(*task)) return pool_.give_back(task);
  dispatcher_.dispatch_work(task);
}

bool Lane::may_work() const {
  return !is_paused_ && shared_.stop->phase() == LaneStop::Phase::kRun &&
         shared_.phase.load(std::memory_order_relaxed) == LanePhase::kServe &&
         core_->next_work_ms().has_value();
}

void Lane::look_after_peers(std::uint64_t now_ns) {
  const bool has_stuck = dispatcher_.has_stuck();  // who comes back has requests at once
  if (dispatcher_.is_idle() && !has_stuck) return;
  if (!has_stuck && now_ns < peers_looked_ns_ + shared_.stuck_ns / kLooksPerStuck) return;
  peers_looked_ns_ = now_ns;
  for (std::uint32_t peer = 0; peer < shared_.mesh->lanes(); ++peer) {
    if (LaneId{peer} == id_) continue;
    if (bridge::is_stuck((*shared_.gauges)[peer], now_ns, shared_.stuck_ns)) {
      dispatcher_.set_stuck(LaneId{peer}, done_);
    } else {
      dispatcher_.set_well(LaneId{peer});
    }
  }
}

bool Lane::may_write_log(const net::EventLoop& events) const {
  const bool is_all_read = first_socket_ == net::EventLoop::kNobody;
  const bool is_free =
      shared_.mesh->lanes() == 1 && is_all_read && !core_->is_working() && !core_->has_ready();
  return is_free && inline_commit_.is_due({events.now_ns(), events.alone_since_ns(),
                                           core_->at_once_ns(), core_->held() + host_.held});
}

// What is ready has been sent. Not beside clients that are served without the log: they would wait
// for it. One commit a turn, so that who comes meanwhile is read before the next.
bool Lane::write_log(net::EventLoop& events, bool all_wait) {
  const std::uint64_t begin_ns = system_clock().monotonic_ns();
  if (all_wait && may_write_log(events) && shared_.log->commit_here()) {
    inline_commit_.took(begin_ns, system_clock().monotonic_ns());
    shared_.changes->on_durable();  // the log's listener is not called for it
    work(events);
    send(events, false);
    if (may_write_log(events)) return true;
  }
  shared_.log->flush();
  return false;
}

// Requests that are answered one by one go on meanwhile; whether the writer's thread is to have
// theirs.
void Lane::send(net::EventLoop& events, bool is_handed_over) {
  for (int round = 0; events.flush(round < kHttpRoundsOfTurnMax); ++round) {
    work(events);
    if (is_handed_over) shared_.log->flush();
  }
}

// Requests for other lanes left before this lane did its own part. Its answers to theirs leave
// before it sends, which takes longest; and those that have come meanwhile are sent with its own.
void Lane::meet_peers(net::EventLoop& events) {
  if (shared_.mesh->lanes() == 1) return;
  dispatcher_.receive();
  work(events, core::TurnPart::kMoreToCome);
  dispatcher_.flush();
}

void Lane::publish(const net::EventLoop& events) {
  set(gauges().connections, events.connections());
  set(gauges().unsent_bytes, events.unsent_bytes());
  for (std::size_t i = 0; i < events.ended().size(); ++i) set(gauges().ended[i], events.ended()[i]);
  publish_core();
}

void Lane::publish_core() {
  bridge::LaneGauges& gauges = this->gauges();
  set(gauges.applied_lsn, store_->applied().value());
  set(gauges.memtable_bytes, store_->memtable_bytes());
  set(gauges.checkpoint_runs, core_->is_checkpointing() ? 1 : 0);
  set(gauges.checkpoint_fails, core_->has_checkpoint_failed() ? 1 : 0);
  set(gauges.waiting, core_->waiting() + host_.held);
  set(gauges.replayed, core_->replayed());
  set(gauges.requests, host_.requests);
  set(gauges.errors, host_.errors);
  set(gauges.streams, host_.streams_open);
  set(gauges.streams_paused, host_.streams_paused);
  set(gauges.request_bytes, host_.room.bytes);
  for (std::size_t i = 0; i < gauges.queued.size(); ++i) {
    set(gauges.queued[i], core_->queued(static_cast<bridge::Priority>(i)));
  }
  set(gauges.long_reads, core_->long_reads().begun());
  set(gauges.slices, core_->long_reads().slices());
  set(gauges.refused_low, dispatcher_.refusals().low);
  set(gauges.refused_busy, dispatcher_.refusals().busy);
  set(gauges.refused_stuck, dispatcher_.refusals().stuck);
}

void Lane::work(net::EventLoop& events, core::TurnPart part) {
  // Twice: a merge that became due runs in the same turn, while its parts are warm.
  for (int pass = 0; pass < 2; ++pass) {
    core_->run(link_.submitted, link_.answered, pass == 0 ? part : core::TurnPart::kMoreToCome);
    dispatcher_.collect(done_);
    if (link_.submitted.empty()) break;
  }
  backups_.collect(events.now_ns(), done_);
  maintenance_.collect(done_);
  if (!done_.empty() || host_.held > 0) host_.answered_ns = system_clock().monotonic_ns();
  events.release_held();
  for (std::size_t i = 0; i < done_.size(); ++i) {
    if (i + 2 * kAhead < done_.size()) done_[i + 2 * kAhead]->prefetch();
    if (i + kAhead < done_.size()) done_[i + kAhead]->prefetch_answer();
    if (done_[i]->core_op == bridge::CoreOp::kWork) {
      core_->end_work(*done_[i]);
      pool_.give_back(done_[i]);
      continue;
    }
    events.on_answer(done_[i]);
  }
  done_.clear();
  // After them: one of them may have closed a stream.
  const auto answer = [&](bridge::Task* task) STATOR_ON(lane) {
    inline_commit_.served_other(events.now_ns());
    events.on_answer(task);
  };
  changes_.collect(answer);
  backup_streams_.collect(answer);
}

bool Lane::is_idle() const {
  return dispatcher_.is_idle() && core_->waiting() == 0 && host_.held == 0 &&
         link_.submitted.empty() &&
         pool_.taken() == maintenance_.waiting() + changes_.open() + backup_streams_.open_count() +
                              core_->later_tasks();
}

bool Lane::stand_still(net::EventLoop& events) {
  const LaneStop::Phase phase = shared_.stop->phase();
  if (phase == LaneStop::Phase::kDrain) shared_.stop->set_drained(id_, is_paused_ && is_idle());
  if (phase == LaneStop::Phase::kPark) {
    set_busy_since(0);
    shared_.stop->park(id_);
  }
  const bool is_stopping = shared_.stop->phase() != LaneStop::Phase::kRun;
  if (is_stopping == is_paused_) return false;
  is_paused_ = is_stopping;
  events.set_paused(is_paused_);
  return true;
}

void Lane::loop(net::EventLoop& events) {
  bool is_draining = false;
  for (;;) {
    const LanePhase phase = shared_.phase.load(std::memory_order_acquire);
    if (phase == LanePhase::kStop) break;
    if (phase == LanePhase::kDrain && !is_draining) {
      is_draining = true;
      events.stop_reading();
    }
    if (is_draining) core_->end_later();
    int timeout = timeout_ms(events);
    if (is_draining) {
      const bool is_done = events.is_drained() && dispatcher_.is_idle() && core_->waiting() == 0 &&
                           link_.submitted.empty() && pool_.taken() == 0;
      is_drained_.store(is_done, std::memory_order_release);
      timeout = timeout < 0 ? 10 : std::min(timeout, 10);
    }
    if (stand_still(events)) timeout = 0;
    if (is_paused_) timeout = timeout < 0 ? 10 : std::min(timeout, 10);
    core_->set_background(!is_paused_ && !is_draining);
    turn(events, timeout);
  }
  set_busy_since(0);
  has_left_loop_.store(true, std::memory_order_release);
  if (core_->waiting() == 0) last_checkpoint_ = core_->checkpoint();
}

}  // namespace stator::server
