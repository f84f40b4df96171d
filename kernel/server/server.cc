#include "server/server.h"

#include <algorithm>
#include <chrono>
#include <sys/socket.h>
#include <thread>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/thread_role.h"
#include "control/auth/secrets.h"
#include "control/session/describe.h"
#include "control/session/session_ops.h"
#include "data/core/kernel_record.h"
#include "data/host/call_context.h"
#include "io/crash_report.h"
#include "server/admin_bootstrap.h"
#include "server/crash_reports.h"
#include "server/key_file.h"
#include "server/recover_to.h"
#include "server/vshard_move.h"
#include "wal/local_log.h"

namespace stator::server {
namespace {

constexpr auto kDrainTime = std::chrono::seconds(10);
constexpr auto kDrainStep = std::chrono::milliseconds(2);

// One core is left to the log's writer and the checkpoints.
std::uint32_t lanes_by_machine() {
  const unsigned cores = std::thread::hardware_concurrency();
  return std::clamp(cores > 1 ? cores - 1 : 1u, 1u, kLanesMax);
}

std::string digest_of(const ops::OpTable& table) {
  const std::uint32_t crc = crc32c(session::describe(table, {}).take());
  char text[9];
  std::snprintf(text, sizeof text, "%08x", crc);
  return text;
}

session::LogFacts log_facts(const wal::Log& log) {
  const Lsn durable = log.durable();  // first: what is durable was given out
  Status health = log.health();
  if (health.ok()) return {durable, log.last(), "ok", log.oldest()};
  const bool is_full = health.error().code() == ErrorCode::kDiskFull;
  return {durable, log.last(), is_full ? "disk_full" : "failed", log.oldest()};
}

}  // namespace

Server::~Server() = default;

Status Server::start() {
  started_ns_ = system_clock().monotonic_ns();
  io::report_crashes(crash_directory(config_.data_dir));
  STATOR_CHECK(check());
  // Before any data is touched: a port in use must not cost a recovery.
  net::Listeners listeners;
  STATOR_CHECK(listen(listeners));

  const std::uint32_t lanes = config_.lanes == 0 ? lanes_by_machine() : config_.lanes;
  STATOR_CHECK(share_files(lanes));
  STATOR_CHECK(open_data(lanes));
  if (layout_.lanes != lanes) STATOR_CHECK(reshard(lanes));
  STATOR_CHECK(start_lanes());
  recovered_lsn_ = log_->last();
  warn_of_parked(parked_, engines_.catalog);
  tell_encryption();

  if (config_.auth_mode == auth::Mode::kTrust) return serve(listeners, {});
  return serve(listeners, [this](int kernel_socket) {
    return bootstrap_admin(kernel_socket, config_.data_dir);
  });
}

Status Server::start_offline(const KernelTask& task) {
  started_ns_ = system_clock().monotonic_ns();
  io::report_crashes(crash_directory(config_.data_dir));
  STATOR_CHECK(read_key_file(config_.key_file, keys_));
  STATOR_CHECK(load_table());
  STATOR_CHECK(share_files(lanes_by_machine()));
  STATOR_CHECK(open_data(lanes_by_machine()));  // of a new directory; an old one keeps its lanes
  STATOR_CHECK(start_lanes());
  return serve({}, task);
}

Status Server::load_table() {
  crashes_ = read_crash_reports(io::posix_file_system(), config_.data_dir);
  STATOR_CHECK(load_engines(config_, crashes_, engines_));
  STATOR_TRY(ops::OpTable table, ops::OpTable::build(engines_.catalog, session::session_rows()));
  table_ = std::make_unique<ops::OpTable>(std::move(table));
  for (const auto& [name, engine] : engines_.disabled_ops) table_->add_disabled(name, engine);
  for (const auto& [name, why] : engines_.left_out_ops) table_->add_left_out(name, why);
  std::set<std::string> serving;
  for (const auto& engine : engines_.catalog.engines()) serving.insert(engine->id);
  policy_.set_serving(std::move(serving));
  return ok_status();
}

// Every lane begins to serve; then `task` runs, if there is one.
Status Server::serve(const net::Listeners& listeners, const KernelTask& task) {
  int pair[2] = {-1, -1};
  if (task && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return Error(ErrorCode::kInternal, "socketpair failed");
  }
  io::report_exits();
  const net::Socket kernel_end(pair[0]);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    net::Listeners own{listeners.plain.duplicate(),
                       listeners.tls.duplicate(),
                       listeners.http.duplicate(),
                       listeners.https.duplicate(),
                       tls_.get(),
                       front_.get(),
                       config_.peer_timeout_s * 1000};
    lanes_[i]->serve(std::move(own), i == 0 ? net::Socket(pair[1]) : net::Socket());
  }
  return task ? task(kernel_end.fd()) : ok_status();
}

Status Server::listen(net::Listeners& listeners) {
  struct Port {
    const std::string& wanted;
    net::Socket& socket;
    std::string& address;
  };
  for (const Port& port : {Port{config_.tls_listen, listeners.tls, tls_listen_address_},
                           Port{config_.listen, listeners.plain, listen_address_},
                           Port{config_.http_listen, listeners.http, http_listen_address_},
                           Port{config_.https_listen, listeners.https, https_listen_address_}}) {
    if (port.wanted.empty()) continue;
    STATOR_TRY(net::BoundSocket bound, net::listen_on(port.wanted, config_.peer_timeout_s));
    port.address = std::move(bound.address);
    port.socket = std::move(bound.socket);
  }
  return ok_status();
}

Status Server::open_data(std::uint32_t lanes) {
  io::FileSystem& files = io::posix_file_system();
  STATOR_CHECK(files.make_directory(config_.data_dir));
  STATOR_TRY(lock_, files.lock(config_.data_dir + "/LOCK"));
  STATOR_CHECK(tidy_crash_reports(files, config_.data_dir));
  STATOR_TRY(layout_, open_layout(files, config_.data_dir, lanes));
  STATOR_CHECK(open_stores());
  policy_.on_drop([this](TenantId tenant, bool is_dropping) {
    is_dropping ? drops_.begin(tenant) : drops_.end(tenant);
  });
  const ActsAs role(threads::lane);  // none runs yet
  for (const auto& store : stores_) load_policy(*store);
  fill_quarantine();
  STATOR_TRY(audit_,
             audit::AuditLog::open(files, system_clock(),
                                   {config_.data_dir + "/audit", config_.audit_file_bytes}));
  audit_->append({.event = "start", .op = "statord", .outcome = "ok"});
  return ok_status();
}

// What the kernel's own engine has stored; the records behind it come when the lanes recover.
void Server::load_policy(store::Store& store) {
  const auto number = engine_numbers_.find(engines_.catalog.engines().front()->id);
  if (number == engine_numbers_.end()) return;  // a new directory
  char from[store::kPrefixBytesMax];
  char to[store::kPrefixBytesMax];
  const std::size_t from_bytes = store::write_owner(from, number->second, TenantId{0});
  const std::size_t to_bytes = store::write_owner(to, number->second, TenantId{1});
  store.begin_turn();
  {
    const auto walk = store.walk({{from, from_bytes}, {to, to_bytes}, false});
    store::StoredKey key;
    for (store::Entry entry; walk->next(entry);) {
      if (store::split_key(entry.key, key)) policy_.load(key.space, key.key, entry.value);
    }
  }
  store.end_turn();
}

Status Server::open_stores() {
  const ActsAs role(threads::lane);  // none runs yet
  vshards_ = std::make_unique<bridge::VShardMap>(layout_.hash_key, layout_.vshard_lane);
  mesh_ = std::make_unique<bridge::LaneMesh>(layout_.lanes);
  const std::string directory = store_directory(config_.data_dir, layout_.generation);
  stores_.clear();
  applied_.clear();
  policy_.forget_storage();  // the stores say it anew
  for (std::uint32_t lane = 0; lane < layout_.lanes; ++lane) {
    store::StoreOptions options;
    options.directory = lane_directory(directory, lane);
    options.memtable_bytes = config_.memtable_bytes;
    STATOR_CHECK(io::posix_file_system().make_directory(options.directory));
    options.group_of = &store::tenant_of;
    options.on_size_change = [this](std::uint32_t tenant, std::int64_t bytes) {
      policy_.meter(TenantId{tenant}).add_storage(bytes);
    };
    options.on_checkpoint = [mesh = mesh_.get(), lane] { mesh->doorbell(LaneId{lane}).ring(); };
    STATOR_TRY(auto opened, store::Store::open(options));
    applied_.push_back(opened->applied());
    opened->begin_turn();
    core::each_engine_number(*opened, [this](EngineNumber number, ByteView id) {
      engine_numbers_[std::string(id)] = number;
    });
    opened->end_turn();
    stores_.push_back(std::move(opened));
  }
  STATOR_CHECK(end_broken_move(io::posix_file_system(), config_.data_dir, layout_, stores_));
  STATOR_CHECK(open_log());
  return number_engines();
}

Status Server::open_log() {
  const auto [oldest, newest] = std::minmax_element(applied_.begin(), applied_.end());
  crashed_records_.look_for(crashes_);
  const auto note = [this](const wal::RecordView& record, Lsn lsn) {
    note_engine_number(record);
    crashed_records_.see(record, lsn);
  };
  const wal::LocalLogOptions options{.directory = config_.data_dir + "/wal",
                                     .segment_bytes = config_.log_segment_bytes,
                                     .oldest_needed = oldest->value() + 1,
                                     .is_made_ahead = true,
                                     .on_record = note,
                                     .newest_held = newest->value(),
                                     .keys = &keys_};
  STATOR_CHECK(io::posix_file_system().make_directory(options.directory));
  if (config_.recover_to) {
    STATOR_CHECK(recover_to(io::posix_file_system(), options, Lsn{*config_.recover_to}));
    config_.recover_to.reset();  // the log is opened more than once
  }
  STATOR_TRY(log_, wal::open_local_log(io::posix_file_system(), options));
  log_->set_listener([this, mesh = mesh_.get()] {
    for (std::uint32_t lane = 0; lane < mesh->lanes(); ++lane) mesh->doorbell(LaneId{lane}).ring();
    // Nothing becomes durable before the lanes serve, nor after they have stopped.
    if (changes_ != nullptr) changes_->on_durable();
  });
  return ok_status();
}

void Server::note_engine_number(const wal::RecordView& record) {
  if (record.engine != core::kKernelEngine) return;
  if (record.type != static_cast<std::uint32_t>(core::KernelRecord::kEngineNumber)) return;
  const auto entry = core::decode_engine_number(record.payload);
  if (entry) engine_numbers_[entry->second] = entry->first;
}

// Engines are named by number on disk; the number is given once, by a record of the log.
Status Server::number_engines() {
  const std::map<std::string, EngineNumber>& known = engine_numbers_;
  std::uint16_t last = 0;
  for (const auto& [id, number] : known) last = std::max(last, number.value());
  wal::BatchBuilder batch;
  for (const auto& engine : engines_.catalog.engines()) {
    if (const auto it = known.find(engine->id); it != known.end()) {
      engine->number = it->second;
      continue;
    }
    engine->number = EngineNumber{++last};
    STATOR_CHECK(batch.add({core::kKernelEngine,
                            static_cast<std::uint32_t>(core::KernelRecord::kEngineNumber), TenantId{0},
                            kEveryVShard, {}, core::encode_engine_number(engine->number, engine->id)}));
  }
  if (batch.count() == 0) return ok_status();
  auto appended = log_->append(batch, system_clock().wall_ms(), log_->epoch());
  if (!appended.ok()) return std::move(appended.error());
  // The lanes read the log from its files when they recover: closed and opened, it has the numbers.
  log_->close();
  STATOR_CHECK(log_->health());
  return open_log();
}

void Server::fill_quarantine() {
  QuarantineSources sources{&crashes_, &crashed_records_, vshards_.get(), &applied_, {}};
  for (const auto& store : stores_) sources.stores.push_back(store.get());
  quarantine_ = make_quarantine(sources, engines_.catalog);
}

BackupSources Server::backup_sources(const std::vector<store::Store*>& stores) {
  BackupSources sources;
  sources.files = &io::posix_file_system();
  sources.root = config_.backup_directory;
  sources.data_dir = config_.data_dir;
  sources.stores = stores;
  sources.log = log_.get();
  sources.trims = trims_.get();
  sources.clock = &system_clock();
  return sources;
}

session::StatsSources Server::stats_sources() {
  session::StatsSources sources;
  sources.started_ns = started_ns_;
  sources.stuck_ns = std::uint64_t{config_.lane_stuck_ms} * 1'000'000;
  sources.catalog = &engines_.catalog;
  sources.lanes = gauges_;
  sources.log = [log = log_.get()] { return log_facts(*log); };
  sources.backup = [backups = backups_.get()] { return backups->facts(); };
  sources.table = table_.get();
  for (const auto& meter : meters_) sources.meters.push_back(meter.get());
  sources.memory_is_full = &memory_->is_full();
  return sources;
}

StandingServer Server::standing() {
  StandingServer standing;
  standing.files = &io::posix_file_system();
  standing.data_dir = config_.data_dir;
  standing.stop = stop_.get();
  standing.core = [this](LaneId lane)
                      STATOR_ON(lane) -> core::CoreLoop& { return lanes_[lane.value()]->core(); };
  standing.vshards = vshards_.get();
  standing.layout = &layout_;
  standing.log = log_.get();
  standing.forget_policy = [this] { policy_.forget(); };
  standing.load_policy = [this](store::Store& store) STATOR_ON(lane) { load_policy(store); };
  standing.drops = &drops_;
  standing.is_backup_running = [backups = backups_.get()] { return backups->facts().is_running; };
  return standing;
}

// What all lanes share. The stores still belong to stores_, and will belong to their lanes.
void Server::fill_shared(const std::vector<store::Store*>& stores) {
  const auto ring = [mesh = mesh_.get()](LaneId lane) { mesh->doorbell(lane).ring(); };
  watchdog_ = std::make_unique<core::Watchdog>(layout_.lanes, system_clock());
  memory_ = std::make_unique<MemoryGuard>(
      config_.memory_limit_bytes != 0 ? config_.memory_limit_bytes : available_memory_bytes() / 5 * 4);
  passwords_ = std::make_unique<auth::PasswordWorker>(layout_.lanes, ring);
  trims_ = std::make_unique<TrimGate>(*log_, applied_, config_.history);
  changes_ = std::make_unique<ChangeReader>(*log_, ChangeWriter(engines_.catalog, engine_numbers_),
                                            layout_.lanes, ring, subscriptions_max_);
  backups_ = std::make_unique<BackupWorker>(backup_sources(stores), layout_.lanes, ring);
  stop_ = std::make_unique<LaneStop>(layout_.lanes, ring);
  maintenance_ = std::make_unique<Maintenance>(standing(), ring);
  gauges_ = std::vector<bridge::LaneGauges>(layout_.lanes);
  meters_.clear();
  for (std::uint32_t i = 0; i < layout_.lanes; ++i) {
    meters_.push_back(std::make_unique<session::OpMeter>(table_->entries().size()));
  }
  stats_ = stats_sources();
  front_ = std::make_unique<http::Front>(
      http::FrontSettings{config_.auth_mode == auth::Mode::kTrust, config_.http_hosts,
                          config_.http_origins, config_.http_heartbeat_ms,
                          config_.peer_timeout_s * 1000},
      stats_);
  shared_ = std::make_unique<LaneShared>();
  shared_->memory_is_full = &memory_->is_full();
  shared_->buffered_bytes_max =
      std::max<std::size_t>(memory_->limit_bytes() / 8 / layout_.lanes, kBufferedBytesMin);
  shared_->stuck_ns = stats_.stuck_ns;
  shared_->catalog = &engines_.catalog;
  shared_->quarantine = quarantine_.get();
  shared_->table = table_.get();
  shared_->vshards = vshards_.get();
  shared_->mesh = mesh_.get();
  shared_->log = log_.get();
  shared_->watchdog = watchdog_.get();
  shared_->passwords = passwords_.get();
  shared_->policy = &policy_;
  drops_.start(layout_.lanes, ring);
  shared_->drops = &drops_;
  shared_->lockout = &lockout_;
  shared_->connections = connections_.get();
  shared_->audit = audit_.get();
  shared_->auth_mode = config_.auth_mode;
  shared_->certificates_name_users = config_.certificate_users;
  shared_->jwt = jwt_.get();
  shared_->ops_digest = digest_of(*table_);
  shared_->on_applied = [trims = trims_.get()](LaneId lane, Lsn lsn) { trims->on_applied(lane, lsn); };
  shared_->backups = backups_.get();
  shared_->maintenance = maintenance_.get();
  shared_->stop = stop_.get();
  shared_->changes = changes_.get();
  shared_->stats = &stats_;
  shared_->gauges = &gauges_;
  shared_->meters = &meters_;
  progress_ = std::make_unique<core::ReplayProgress>(layout_.lanes, system_clock());
  shared_->progress = progress_.get();
  parked_.clear();
  shared_->on_parked = [this](const core::ParkedCounts& counts) {
    const std::lock_guard lock(parked_mutex_);
    for (const auto& [engine, count] : counts) parked_[engine] += count;
  };
}

Status Server::start_lanes() {
  if (config_.auth_mode == auth::Mode::kPassword) auth::nobodys_hash();
  std::vector<store::Store*> stores;
  for (const auto& store : stores_) stores.push_back(store.get());
  fill_shared(stores);
  lanes_.clear();
  std::vector<std::future<Status>> recovered;
  for (std::uint32_t i = 0; i < layout_.lanes; ++i) {
    lanes_.push_back(std::make_unique<Lane>(LaneId{i}, *shared_, std::move(stores_[i])));
    recovered.push_back(lanes_.back()->start());
  }
  Status result;
  for (auto& future : recovered) {
    Status status = future.get();
    if (result.ok() && !status.ok()) result = std::move(status);
  }
  if (result.ok()) return result;
  shared_->phase.store(LanePhase::kStop, std::memory_order_release);
  for (auto& lane : lanes_) lane->serve({}, {});
  for (auto& lane : lanes_) static_cast<void>(lane->join());
  lanes_.clear();
  return result;
}

std::uint64_t Server::replayed() const {
  std::uint64_t all = 0;
  for (const bridge::LaneGauges& lane : gauges_) all += lane.replayed.load(std::memory_order_relaxed);
  return all;
}

void Server::tell_encryption() const {
  if (config_.key_file.empty()) return;
  const auto active = keys_.active();
  if (!active) return log::info("the log is not encrypted: 'active none' in " + config_.key_file);
  log::info("what is written to the log is encrypted with key " + std::to_string(active->value()));
  log::warn("the log is encrypted, the store and the backups are not: put them on encrypted file systems");
}

void Server::reload_keys() {
  if (config_.key_file.empty()) return;
  Status read = read_key_file(config_.key_file, keys_);
  if (!read.ok()) return log::error("the keys stay as they are: " + read.error().sentence());
  tell_encryption();
}

// Recovers with the old number of lanes, writes everything into their bases, and moves the entries
// to new stores by vShard. The new layout counts when LAYOUT is replaced; until then a crash leaves
// the old one.
Status Server::reshard(std::uint32_t lanes) {
  log::info("changing the number of lanes from " + std::to_string(layout_.lanes) + " to " +
            std::to_string(lanes));
  STATOR_CHECK(start_lanes());
  for (auto& lane : lanes_) lane->serve({}, {});
  STATOR_CHECK(stop_lanes());
  const Lsn up_to = log_->durable();
  log_->close();
  Layout next = layout_;
  next.lanes = lanes;
  next.generation = layout_.generation + 1;
  ++next.version;
  next.vshard_lane = bridge::VShardMap::even(lanes);
  const bridge::VShardMap next_map(next.hash_key, next.vshard_lane);
  io::FileSystem& files = io::posix_file_system();
  const std::string from = store_directory(config_.data_dir, layout_.generation);
  const std::string to = store_directory(config_.data_dir, next.generation);
  STATOR_CHECK(files.remove(to));  // of an earlier attempt
  STATOR_CHECK(store::reshard(from, layout_.lanes, to, lanes, up_to,
                              [&](VShardId vshard) { return next_map.lane_of(vshard); }));
  STATOR_CHECK(save_layout(files, config_.data_dir, next));
  layout_ = next;
  STATOR_CHECK(files.remove(from));
  return open_stores();
}

// After phase kStop. A lane that is stuck is not waited for: what it has not answered is not
// promised to anybody. The others have written their checkpoints when this returns.
Status Server::await_ends() {
  std::string stuck;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    bool is_stuck = false;
    while (!lanes_[i]->has_left_loop() && !is_stuck) {
      std::this_thread::sleep_for(kDrainStep);
      is_stuck = bridge::is_stuck(gauges_[i], system_clock().monotonic_ns(), stats_.stuck_ns);
    }
    if (is_stuck) stuck += (stuck.empty() ? "lane " : ", lane ") + std::to_string(i);
  }
  if (stuck.empty()) return ok_status();
  for (auto& lane : lanes_) {
    if (lane->has_left_loop()) static_cast<void>(lane->join());
  }
  return Error(
      ErrorCode::kLaneStuck,
      stuck +
          " did not come back from its work: the server ends without it, as if it were killed; "
          "what was acknowledged is in the log");
}

Status Server::stop_lanes() {
  const auto ring_all = [&] {
    for (std::uint32_t i = 0; i < mesh_->lanes(); ++i) mesh_->doorbell(LaneId{i}).ring();
  };
  backups_->stop();  // its request must not hold up the drain
  maintenance_->stop();
  shared_->phase.store(LanePhase::kDrain, std::memory_order_release);
  ring_all();
  const auto give_up = std::chrono::steady_clock::now() + kDrainTime;
  const auto is_drained = [&] {
    return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->is_drained(); });
  };
  while (!is_drained() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(kDrainStep);
  }
  if (!is_drained()) log::warn("some requests were not answered within the time to drain");
  shared_->phase.store(LanePhase::kStop, std::memory_order_release);
  ring_all();
  STATOR_CHECK(await_ends());
  Status result;
  for (auto& lane : lanes_) {
    Status status = lane->join();
    if (result.ok() && !status.ok()) result = std::move(status);
  }
  maintenance_.reset();
  backups_.reset();  // before the stores that it may still copy
  lanes_.clear();
  changes_->stop();  // before the log that it reads
  passwords_.reset();
  watchdog_.reset();
  return result;
}

Status Server::stop() {
  Status result = stop_lanes();
  const bool is_stuck = !result.ok() && result.error().code() == ErrorCode::kLaneStuck;
  audit_->append({.event = "stop", .op = "statord", .outcome = result.ok() ? "ok" : "internal"});
  if (is_stuck) return result;  // the lane may be about to use the log
  log_->close();
  if (result.ok()) result = log_->health();
  return result;
}

}  // namespace stator::server
