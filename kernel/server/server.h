// The composition root: opens the data directory, loads the engines, recovers, serves, stops.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_role.h"
#include "server/backup_worker.h"
#include "server/change_reader.h"
#include "server/config.h"
#include "server/crash_reports.h"
#include "server/engines.h"
#include "server/lane.h"
#include "server/lane_stop.h"
#include "server/layout.h"
#include "server/maintenance.h"
#include "server/memory_guard.h"
#include "server/quarantine_list.h"
#include "server/trim_gate.h"
#include "wal/key_ring.h"
#include "wal/log.h"

namespace stator::server {

class Server {
 public:
  explicit Server(Config config) : config_(std::move(config)) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Whether start() would begin: addresses, files of certificates and keys, engines. Nothing is
  // listened on, and no data touched.
  Status check();
  // Returns when every lane serves. Errors are one sentence each.
  Status start();
  // Reads certificates and token keys again, if there are any. `only_if_changed`: since they were
  // last looked at.
  void reload_files(bool only_if_changed);
  bool has_files() const { return tls_ != nullptr || jwt_ != nullptr; }
  // The same without a network, with the lanes that the directory has: `task` gets a connection
  // with the kernel's rights. For commands on a stopped server's data; stop() follows, whatever it
  // said.
  using KernelTask = std::function<Status(int socket)>;
  Status start_offline(const KernelTask& task);
  // Drains (at most 10 s), writes everything into the base, stops. After start(). Error kLaneStuck:
  // a lane does not come back; its thread still runs, so the process must end without this object's
  // destructor.
  Status stop();
  // Reads the key file again; the log's next commit takes the key that is active then. Says in the
  // server's log what came of it: a file at fault changes nothing. Another thread than the lanes'.
  void reload_keys();

  // As bound; empty where nothing listens.
  const std::string& listen_address() const { return listen_address_; }
  const std::string& tls_listen_address() const { return tls_listen_address_; }
  const std::string& http_listen_address() const { return http_listen_address_; }
  const std::string& https_listen_address() const { return https_listen_address_; }
  const std::vector<std::string>& engines() const { return engines_.enabled; }
  Lsn recovered_lsn() const { return recovered_lsn_; }
  // Records of the log that the start applied, over all lanes.
  std::uint64_t replayed() const;
  // Of the log's torn tail, which the start cut.
  std::uint64_t torn_bytes() const { return log_->torn_bytes(); }

 private:
  Status check_addresses() const;
  Status check_backup_directory() const;
  Status load_tls();
  Status load_jwt();
  Status listen(net::Listeners& listeners);
  Status load_table();
  Status serve(const net::Listeners& listeners, const KernelTask& task);
  Status open_data(std::uint32_t lanes);
  Status open_stores();
  void load_policy(store::Store& store) STATOR_ON(lane);
  Status open_log();
  Status number_engines();
  void fill_quarantine();
  void note_engine_number(const wal::RecordView& record);
  Status start_lanes();
  Status stop_lanes();
  Status await_ends();
  Status reshard(std::uint32_t lanes);
  // How many connections, and of these how many readers of changes, the files that the process may
  // open are enough for. Error: kResourcesExhausted.
  Status share_files(std::uint32_t lanes);
  void fill_shared(const std::vector<store::Store*>& stores);
  BackupSources backup_sources(const std::vector<store::Store*>& stores);
  session::StatsSources stats_sources();
  StandingServer standing();
  void tell_encryption() const;

  Config config_;
  EngineSet engines_;
  std::unique_ptr<io::File> lock_;
  Layout layout_;
  std::unique_ptr<ops::OpTable> table_;
  std::unique_ptr<bridge::VShardMap> vshards_;
  std::vector<std::unique_ptr<store::Store>> stores_;
  std::unique_ptr<ChangeReader> changes_;  // before the log, whose thread calls it
  wal::KeyRing keys_;
  std::unique_ptr<wal::Log> log_;
  std::map<std::string, EngineNumber> engine_numbers_;  // of the data directory
  std::vector<CrashReport> crashes_;                    // that were there at the start
  CrashedRecords crashed_records_;
  std::unique_ptr<host::Quarantine> quarantine_;  // null: nothing is kept away from its engine
  std::unique_ptr<bridge::LaneMesh> mesh_;
  std::unique_ptr<core::Watchdog> watchdog_;
  std::unique_ptr<auth::PasswordWorker> passwords_;
  bridge::TenantDrops drops_;  // before the book that tells it, and the lanes
  auth::PolicyBook policy_;
  auth::Lockout lockout_;
  std::unique_ptr<audit::AuditLog> audit_;
  std::unique_ptr<MemoryGuard> memory_;
  std::unique_ptr<LaneShared> shared_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lsn> applied_;  // by lane, when the stores were opened
  std::unique_ptr<TrimGate> trims_;
  std::unique_ptr<net::ConnectionBudget> connections_;
  std::vector<bridge::LaneGauges> gauges_;
  std::vector<std::unique_ptr<session::OpMeter>> meters_;
  session::StatsSources stats_;
  // After the lanes: it reads their stores.
  std::unique_ptr<BackupWorker> backups_;
  std::unique_ptr<LaneStop> stop_;
  std::unique_ptr<Maintenance> maintenance_;
  std::size_t subscriptions_max_ = kSubscriptionsMax;
  std::uint64_t started_ns_ = 0;
  std::unique_ptr<core::ReplayProgress> progress_;
  std::mutex parked_mutex_;
  core::ParkedCounts parked_;  // of all lanes, as the last start of lanes found them
  std::string listen_address_;
  std::string tls_listen_address_;
  std::string http_listen_address_;
  std::string https_listen_address_;
  std::unique_ptr<http::Front> front_;
  std::unique_ptr<net::TlsContext> tls_;
  std::uint64_t tls_stamp_ = 0;
  std::unique_ptr<auth::JwtVerifier> jwt_;
  std::uint64_t jwt_stamp_ = 0;
  Lsn recovered_lsn_;
};

}  // namespace stator::server
