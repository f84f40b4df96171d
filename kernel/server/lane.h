// One lane: a control loop and a core on the same thread. The composition of the two planes.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "base/thread_role.h"
#include "bridge/core_link.h"
#include "bridge/lane_gauges.h"
#include "bridge/lane_mesh.h"
#include "bridge/tenant_drops.h"
#include "control/dispatch/dispatcher.h"
#include "control/net/event_loop.h"
#include "control/session/session.h"
#include "data/core/core_loop.h"
#include "data/store/store.h"
#include "io/thread.h"
#include "server/inline_commit.h"
#include "server/lane_backup_streams.h"
#include "server/lane_backups.h"
#include "server/lane_changes.h"
#include "server/lane_maintenance.h"
#include "server/lane_stop.h"

namespace stator::server {

enum class LanePhase : std::uint8_t { kServe, kDrain, kStop };

// What all lanes share.
struct LaneShared {
  const plugin::Catalog* catalog = nullptr;
  const host::Quarantine* quarantine = nullptr;  // null: nothing is kept away from its engine
  const ops::OpTable* table = nullptr;
  const bridge::VShardMap* vshards = nullptr;
  bridge::LaneMesh* mesh = nullptr;
  wal::Log* log = nullptr;
  core::Watchdog* watchdog = nullptr;
  auth::PasswordWorker* passwords = nullptr;
  auth::PolicyBook* policy = nullptr;
  auth::Lockout* lockout = nullptr;
  net::ConnectionBudget* connections = nullptr;
  audit::AuditLog* audit = nullptr;
  auth::Mode auth_mode = auth::Mode::kTrust;
  bool certificates_name_users = false;
  const auth::JwtVerifier* jwt = nullptr;
  std::string ops_digest;
  const std::atomic<bool>* memory_is_full = nullptr;
  std::size_t buffered_bytes_max = kBufferedBytesMin;
  std::uint64_t stuck_ns = std::uint64_t{kLaneStuckMsDefault} * 1'000'000;
  std::function<void(LaneId, Lsn)> on_applied;
  BackupWorker* backups = nullptr;
  Maintenance* maintenance = nullptr;
  LaneStop* stop = nullptr;
  ChangeReader* changes = nullptr;
  const session::StatsSources* stats = nullptr;
  std::vector<bridge::LaneGauges>* gauges = nullptr;  // by lane
  std::vector<std::unique_ptr<session::OpMeter>>* meters = nullptr;  // by lane
  std::function<void(const core::ParkedCounts&)> on_parked;
  core::ReplayProgress* progress = nullptr;
  bridge::TenantDrops* drops = nullptr;
  std::atomic<LanePhase> phase{LanePhase::kServe};
};

class Lane {
 public:
  Lane(LaneId id, LaneShared& shared, std::unique_ptr<store::Store> store);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Starts the thread, which recovers first. The result is ready when it has.
  std::future<Status> start();
  // Then it serves: on the listening sockets (each may be none), and on `kernel_socket` (which may
  // be none) with the kernel's own rights.
  void serve(net::Listeners listeners, net::Socket kernel_socket);
  // The lane has nothing open any more (phase kDrain). Any thread.
  bool is_drained() const { return is_drained_.load(std::memory_order_acquire); }
  // It serves nothing any more (phase kStop) and writes its last checkpoint. Any thread.
  bool has_left_loop() const { return has_left_loop_.load(std::memory_order_acquire); }
  // After phase kStop (and serve(), if recovery was ok): waits for the thread. What its last checkpoint said.
  Status join();
  // For work on the lane's own thread while it stands still (LaneStop).
  core::CoreLoop& core() STATOR_ON(lane) { return *core_; }

 private:
  struct Sockets {
    net::Listeners listeners;
    net::Socket kernel;
  };
  void run() STATOR_ON(lane);
  void loop(net::EventLoop& events) STATOR_ON(lane);
  void turn(net::EventLoop& events, int timeout_ms) STATOR_ON(lane);
  // Runs what is submitted and hands out what is answered.
  void work(net::EventLoop& events, core::TurnPart part = core::TurnPart::kLast) STATOR_ON(lane);
  // Takes what has come, as much as this lane can have waiting.
  void read_sockets(net::EventLoop& events, std::size_t ready) STATOR_ON(lane);
  void read_large(net::EventLoop& events) STATOR_ON(lane);
  // A turn of background work, if one is due and the lane is to go on serving.
  void begin_work() STATOR_ON(lane);
  bool may_work() const STATOR_ON(lane);
  // Whether lanes that have requests of this one are well.
  void look_after_peers(std::uint64_t now_ns) STATOR_ON(lane);
  // Whether this lane may write the log itself (InlineCommit).
  bool may_write_log(const net::EventLoop& events) const STATOR_ON(lane);
  // The end of a turn: it does, if all who talked in it wait for answers, or hands it over. True:
  // what came behind it is the next turn's.
  bool write_log(net::EventLoop& events, bool all_wait) STATOR_ON(lane);
  void send(net::EventLoop& events, bool is_handed_over) STATOR_ON(lane);
  int timeout_ms(const net::EventLoop& events) const STATOR_ON(lane);
  void meet_peers(net::EventLoop& events) STATOR_ON(lane);
  // What server_stats tells of this lane.
  void publish(const net::EventLoop& events) STATOR_ON(lane);
  void publish_core() STATOR_ON(lane);
  bridge::LaneGauges& gauges() const { return (*shared_.gauges)[id_.value()]; }
  void set_busy_since(std::uint64_t now_ns) {
    gauges().busy_since_ns.store(now_ns, std::memory_order_relaxed);
  }
  bool has_work() const STATOR_ON(lane);
  // Nothing of this lane's is open, but for requests that wait for the lanes to stand still.
  bool is_idle() const STATOR_ON(lane);
  // In a stop of all lanes: stops reading, and parks when all can. True: it just began or ended.
  bool stand_still(net::EventLoop& events) STATOR_ON(lane);

  LaneId id_;
  LaneShared& shared_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<core::CoreLoop> core_;
  bridge::TaskPool pool_;
  bridge::CoreLink link_;
  dispatch::Dispatcher dispatcher_;
  LaneBackups backups_;
  LaneBackupStreams backup_streams_;
  LaneMaintenance maintenance_;
  LaneChanges changes_;
  session::SessionHost host_;
  std::vector<bridge::Task*> done_;
  std::promise<Status> recovered_;
  std::promise<Sockets> sockets_;
  std::atomic<bool> is_drained_{false};
  std::atomic<bool> has_left_loop_{false};
  bool is_paused_ = false;
  InlineCommit inline_commit_;
  bool is_log_left_ = false;  // what is appended to it is the next turn's to write or hand over
  std::uint64_t peers_looked_ns_ = 0;
  std::uint32_t first_socket_ =
      net::EventLoop::kNobody;  // of the next turn: the first that was passed over
  std::vector<std::size_t> large_;  // of the sockets that are ready, those amid large requests
  std::uint32_t first_large_ = net::EventLoop::kNobody;  // that of them which comes first next time
  Status last_checkpoint_;
  io::Thread thread_;
};

}  // namespace stator::server
