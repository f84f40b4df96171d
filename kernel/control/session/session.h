// One connection's conversation: frames in, frames out, in the order the protocol promises.
//
// It knows no socket: the connection hands it bytes and takes its output. Answers come in request
// order; those of requests with an `id` may overtake. While a flow runs that decides who the client
// is (auth) or hashes a secret (user_create), later frames wait.
//
// Thread: the lane's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_buffer.h"
#include "base/limits.h"
#include "bridge/task.h"
#include "control/auth/identity.h"
#include "control/auth/password_worker.h"
#include "control/auth/secrets.h"
#include "control/dispatch/dispatcher.h"
#include "control/ops/op_table.h"
#include "control/session/backup_desk.h"
#include "control/session/maintenance_desk.h"
#include "control/session/request_parser.h"
#include "control/session/server_stats.h"

namespace stator::session {

// What all sessions of a lane share. Outlives them.
struct SessionHost {
  LaneId lane;
  auth::Mode auth_mode = auth::Mode::kTrust;
  const ops::OpTable* table = nullptr;
  dispatch::Dispatcher* dispatcher = nullptr;
  bridge::TaskPool* pool = nullptr;
  auth::PasswordWorker* passwords = nullptr;
  std::function<Lsn()> watermark;  // newest LSN that is durable
  std::string ops_digest;
  const std::atomic<bool>* memory_is_full = nullptr;  // writes are refused; null: never
  BackupDesk* backups = nullptr;
  MaintenanceDesk* maintenance = nullptr;
  const StatsSources* stats = nullptr;
  std::uint64_t requests = 0;  // frames of all sessions so far
  std::uint64_t errors = 0;    // and their answers that were errors
};

class Session {
 public:
  // `connection` and `generation` name it in tasks.
  Session(SessionHost& host, std::uint32_t connection, std::uint32_t generation);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes whole frames from the front of `bytes`; returns how many bytes were taken. Stops early
  // when is_blocked() or is_closing().
  std::size_t on_bytes(ByteView bytes, std::uint64_t now_ns);
  // An answered task of this session; it goes back to the pool.
  void on_answer(bridge::Task* task);
  void on_password(const auth::PasswordAnswer& answer);

  // Frames to be sent; the connection consumes them.
  ByteBuffer& output() { return output_; }
  const ByteBuffer& output() const { return output_; }
  void set_identity(const auth::Identity& identity) { identity_ = identity; }
  // No more frames are taken now: a flow runs, or the window is full.
  bool is_blocked() const {
    return flow_.kind != FlowKind::kNone || barrier_ != nullptr || in_flight_ >= kRequestsInFlightMax;
  }
  // Close once the output is sent.
  bool is_closing() const { return is_closing_; }
  std::size_t in_flight() const { return in_flight_; }
  std::size_t frame_bytes_max() const {
    return identity_.is_known ? kFrameBytesMax : kFrameBytesMaxUnauthenticated;
  }

 private:
  enum class FlowKind : std::uint8_t { kNone, kPasswordAuth, kApiKeyAuth, kUserCreate, kApiKeyCreate };
  // A session op that needs more than one step; one at a time.
  struct Flow {
    FlowKind kind = FlowKind::kNone;
    bridge::Task* request = nullptr;  // the client's; answered at the end
    bool user_is_known = false;
    auth::Identity identity;  // that the client will have
    std::string secret;       // api key: the secret given; api_key_create: the token to show
  };
  // An answer that waits for its turn is kept as a task and written when the turn comes, so that
  // the watermark never goes back from one frame to the next.
  struct Slot {
    bridge::Task* task = nullptr;
    std::unique_ptr<std::string> members;  // the answer is an ok frame with these, not a payload
    bool is_done = false;
  };

  void on_frame(ByteView body, std::uint64_t now_ns);
  void run_session_op(const ops::OpEntry& entry, bridge::Task* task);
  void say_hello(bridge::Task* task);
  void start_checkpoint(bridge::Task* task);
  void start_backup(bridge::Task* task);
  void copy_backup(bridge::Task* task);
  void start_batch(bridge::Task* task);
  void start_maintenance(SessionOp op, bridge::Task* task);
  void start_auth(bridge::Task* task);
  void start_user_create(bridge::Task* task);
  void start_api_key_create(bridge::Task* task);
  void begin_flow(FlowKind kind, bridge::Task* task) { flow_ = {kind, task, false, {}, {}}; }
  void submit_password(std::string_view password, std::string hash);
  // Runs an inner op of the system engine as a step of the flow.
  void step(std::string_view op, std::string_view args_json);
  void on_step(bridge::Task* task);
  void finish_flow();
  void fail_flow(Error error);
  void fail_auth();
  void take_user(std::string_view user_json, std::string& password_hash);

  void refuse(bridge::Task* task, Error error);
  void send(bridge::Task* task);
  void send_members(bridge::Task* task, std::string_view members);
  // The answer is known: writes its frame if it is its turn.
  void settle(bridge::Task* task, std::unique_ptr<std::string> members);
  // Writes its frame; the task goes back to the pool.
  void write(bridge::Task* task, const std::string* members);
  Slot& slot(std::uint64_t request_id) { return slots_[request_id & (slots_.size() - 1)]; }
  void open_slot();
  void advance();

  SessionHost& host_;
  std::uint32_t connection_;
  std::uint32_t generation_;
  RequestParser parser_;
  ParseDefaults defaults_;
  auth::Identity identity_;
  Flow flow_;
  // A batch over several lanes: it reaches the last of them later than a request behind it would.
  const bridge::Task* barrier_ = nullptr;
  std::uint32_t auth_failures_ = 0;
  bool is_closing_ = false;
  std::uint64_t next_id_ = 1;   // of the next frame
  std::uint64_t head_ = 1;      // oldest request that is not answered
  std::size_t in_flight_ = 0;
  std::vector<Slot> slots_;     // ring by request id, a power of two
  ByteBuffer output_;
};

}  // namespace stator::session
