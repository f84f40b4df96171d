// What all sessions of a lane share: where their requests go and whom they ask.
//
// Thread: the lane's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "bridge/task.h"
#include "control/audit/audit_log.h"
#include "control/auth/identity.h"
#include "control/auth/jwt.h"
#include "control/auth/lockout.h"
#include "control/auth/password_worker.h"
#include "control/auth/policy_book.h"
#include "control/dispatch/dispatcher.h"
#include "control/ops/op_table.h"
#include "control/session/backup_desk.h"
#include "control/session/field_order.h"
#include "control/session/maintenance_desk.h"
#include "control/session/op_meter.h"
#include "control/session/request_room.h"
#include "control/session/server_stats.h"
#include "control/session/stream_desk.h"

namespace stator::session {

// Outlives the sessions.
struct SessionHost {
  LaneId lane;
  auth::Mode auth_mode = auth::Mode::kTrust;
  bool certificates_name_users = false;
  const auth::JwtVerifier* jwt = nullptr;  // null: tokens of others are not taken
  const ops::OpTable* table = nullptr;
  FieldOrders field_orders;  // of requests of this table's ops
  dispatch::Dispatcher* dispatcher = nullptr;
  bridge::TaskPool* pool = nullptr;
  auth::PasswordWorker* passwords = nullptr;
  auth::PolicyBook* policy = nullptr;
  auth::CollectionEngines collections;  // the lane's copy
  auth::Lockout* lockout = nullptr;
  audit::AuditLog* audit = nullptr;
  std::function<Lsn()> watermark;  // newest LSN that is durable
  std::function<Status()>
      log_health;  // kDiskFull while the log waits for space; otherwise it is lost
  std::string ops_digest;
  const std::atomic<bool>* memory_is_full = nullptr;  // writes are refused; null: never
  // Bytes that the lane's connections may have buffered together; those without an identity an
  // eighth of it.
  std::size_t buffered_bytes_max = kBufferedBytesMin;
  RequestRoom room;
  BackupDesk* backups = nullptr;
  MaintenanceDesk* maintenance = nullptr;
  StreamDesk* changes = nullptr;
  StreamDesk* backup_streams = nullptr;
  const StatsSources* stats = nullptr;
  std::uint64_t requests = 0;  // frames of all sessions so far
  std::uint64_t errors = 0;    // and their answers that were errors
  bool is_ending_streams = false;    // the lane stops or stands still: none goes on
  std::uint64_t streams_open = 0;    // of all sessions, now
  std::uint64_t streams_paused = 0;  // of these
  std::uint64_t held = 0;            // answers of all sessions that wait for the log
  std::vector<std::uint32_t> holding;  // connections that began to hold some; maybe long ago
  OpMeter* meter = nullptr;          // null: nothing is counted
  std::uint64_t answered_ns = 0;     // monotonic: when the answers that are handed out were there
};

// Whether it may be asked for at the server's memory limit; of a batch, each of its requests.
Status check_memory(const SessionHost& host, const ops::OpEntry& entry);

}  // namespace stator::session
