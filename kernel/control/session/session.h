// One connection's conversation: frames in, frames out, in the order the protocol promises.
//
// It knows no socket: the connection hands it bytes and takes its output. Answers come in request
// order; those of requests with an `id` may overtake. While a flow runs that decides who the client
// is (auth) or hashes a secret (user_create), later frames wait.
//
// Thread: the lane's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_buffer.h"
#include "base/limits.h"
#include "base/thread_role.h"
#include "bridge/task.h"
#include "control/auth/client_certificate.h"
#include "control/auth/identity.h"
#include "control/auth/scram.h"
#include "control/ops/op_table.h"
#include "control/session/answer_form.h"
#include "control/session/audit_note.h"
#include "control/session/held_answers.h"
#include "control/session/open_streams.h"
#include "control/session/request_order.h"
#include "control/session/request_parser.h"
#include "control/session/session_host.h"

namespace stator::session {

class Session final : private CollectionOwners {
 public:
  // `connection` and `generation` name it in tasks.
  Session(SessionHost& host, std::uint32_t connection, std::uint32_t generation);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes whole frames from the front of `bytes`; returns how many bytes were taken. Stops early
  // when is_blocked(), is_closing() or is_turn_over().
  std::size_t on_bytes(ByteView bytes, std::uint64_t now_ns) STATOR_ON(lane);
  // Of a frame that will not be taken: this is its answer, and the last one.
  void refuse_frame(const Error& error, std::uint64_t now_ns) STATOR_ON(lane);
  // A request that did not come in a frame; when it is not is_blocked() and not is_closing().
  // `defaults` are for it alone.
  void on_request(std::string_view op, ByteView body, const ParseDefaults& defaults)
      STATOR_ON(lane);
  // An answered task of this session; it goes back to the pool.
  void on_answer(bridge::Task* task) STATOR_ON(lane);
  void on_password(const auth::PasswordAnswer& answer) STATOR_ON(lane);

  // Frames to be sent; the connection consumes them.
  ByteBuffer& output() { return output_; }
  const ByteBuffer& output() const { return output_; }
  void set_identity(const auth::Identity& identity) { identity_ = identity; }
  const auth::Identity& identity() const { return identity_; }
  // No user, key or role was changed since it was made.
  bool is_current(const auth::Identity& identity) const {
    return identity.is_fixed || identity.version == host_.policy->version();
  }
  // What requests in frames have where they do not say otherwise.
  void set_defaults(const ParseDefaults& defaults) { defaults_ = defaults; }
  // Nobody in particular: who a connection is before it says so.
  void forget_identity();
  // Answers are written so from now on; null: as frames. It outlives the session.
  void set_form(AnswerForm* form) { form_ = form; }
  // Answers that waited for the log go to the output when it is durable so far. True if there were
  // any.
  bool release_held(Lsn durable) STATOR_ON(lane);
  bool has_held() const { return held_ != nullptr && !held_->empty(); }
  // They never will, or those whose deadline has passed will not in time: an error is told instead.
  void refuse_held(const Error& error) STATOR_ON(lane);
  void refuse_held_at_deadline(std::uint64_t now_ns) STATOR_ON(lane);
  // The earliest deadline of an answer that waits for the log; 0: none waits.
  std::uint64_t held_deadline_ns() const { return has_held() ? held_->first_deadline_ns() : 0; }
  // The output has become less: streams that paused go on.
  void resume_streams() STATOR_ON(lane);
  // The client will send no more. Its requests are answered, to their last page; streams that have
  // no end do end.
  void end_of_input() STATOR_ON(lane);
  // The server stops: streams end, with an error that says so.
  void end_streams_at_stop() STATOR_ON(lane);
  bool has_streams() const { return !streams_.begun.empty(); }
  // The client is owed something that it has asked for: an answer, or further pages of one.
  bool owes() const { return in_flight_ > 0 || streams_.pages > 0; }
  // Where the client is, for the limits on guesses and for the audit log.
  void set_address(std::string address) { address_ = std::move(address); }
  // What the client has shown in the TLS handshake; null: nothing.
  void set_certificate(std::unique_ptr<auth::ClientCertificate> certificate) {
    certificate_ = std::move(certificate);
  }
  // It may stand for a user.
  bool has_users_certificate() const {
    return certificate_ != nullptr && host_.certificates_name_users;
  }
  // No more frames are taken now: a flow runs, or the window is full.
  bool is_blocked() const {
    return flow_.kind != FlowKind::kNone || barrier_ != nullptr ||
           in_flight_ >= kRequestsInFlightMax || holds_enough();
  }
  // The last on_bytes() left frames for the next turn: many were answered at once, or the client
  // has much to read first.
  bool is_turn_over() const { return is_turn_over_; }
  bool is_output_full() const { return output_.size() >= kOutputBytesPerConnection; }
  // Memory of what it has open, session_room.cc.
  std::size_t open_bytes() const { return open_bytes_; }
  // Monotonic time at which the first of its requests came that wait for an LSN; 0: there are none.
  std::uint64_t early_since_ns();
  // Those are cancelled, and told `busy`.
  void give_up_early() STATOR_ON(lane);
  // Close once the output is sent.
  bool is_closing() const { return is_closing_; }
  std::size_t in_flight() const { return in_flight_; }
  // Bytes of answers that are ready and wait for one before them.
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  // Monotonic time at which the request came for which they wait; 0: there are none.
  std::uint64_t waiting_since_ns() const {
    if (waiting_bytes_ == 0) return 0;
    const bridge::Task* first = slots_[head_ & (slots_.size() - 1)].request;
    return first == nullptr ? 0 : first->arrived_ns;
  }
  std::size_t frame_bytes_max() const {
    return identity_.is_known ? kFrameBytesMax : kFrameBytesMaxUnauthenticated;
  }

 private:
  enum class FlowKind : std::uint8_t {
    kNone,
    kPasswordAuth,
    kUserCreate,
    kSetPassword,
    kApiKeyCreate,
    kMaintenance  // without steps; what is sent behind it is read when the lanes go on
  };
  // A session op that needs more than one step; one at a time.
  struct Flow {
    FlowKind kind = FlowKind::kNone;
    bridge::Task* request = nullptr;  // the client's; answered at the end
    std::string token;                // api_key_create: to be shown
  };

  // The host, for what is the lane's: whoever came in here was asked for his thread.
  SessionHost& own_host() STATOR_ASSUMES(lane) { return host_; }
  void on_frame(ByteView body, std::uint64_t now_ns);
  bridge::Task* open_request(std::uint64_t now_ns);
  void carry_out(Result<const ops::OpEntry*> parsed, bridge::Task* task);
  void run_session_op(const ops::OpEntry& entry, bridge::Task* task);
  std::string_view engine_of(std::string_view collection) override;
  void say_hello(bridge::Task* task);
  void start_checkpoint(bridge::Task* task);
  void start_backup(SessionOp op, bridge::Task* task);
  void copy_backup(bridge::Task* task);
  void start_batch(const ops::OpEntry& entry, bridge::Task* task);
  // Order of execution, session_order.cc. Takes over what was admitted.
  void send_in_order(const ops::OpEntry& entry, bridge::Task* task);
  void dispatch_ordered(const ops::OpEntry& entry, bridge::Task* task);
  void dispatch(const ops::OpEntry& entry, bridge::Task* task);
  bool is_open_before(const bridge::Task& task, bool (*is_meant)(const Slot&)) const;
  bool may_overtake(const RequestOrder::Waiting& one);
  void carry_out_waiting();
  void start_maintenance(SessionOp op, bridge::Task* task);
  // Cancellation, session_cancel.cc. The open request that `asking` names by request_id or, without
  // it, by id; null if there is none.
  bridge::Task* find_open(const bridge::Task& asking);
  // The same; null: `asking` was refused.
  bridge::Task* find_asked_for(bridge::Task* asking);
  // Room for open requests, session_room.cc.
  bool holds_enough() const {
    return open_bytes_ >= host_.room.of_connection() ||
           (host_.room.is_full && open_bytes_ > host_.room.in_full_room());
  }
  // Counts what the request holds until it is answered; again when it has become more.
  void count_open(bridge::Task& task);
  // Error: kBusy.
  Status check_room(const ops::OpEntry& entry, const bridge::Task& task) const;
  void explain_given_up(bridge::Task& task);
  // Of an answer that waits for its turn only the answer is kept.
  void forget_request(bridge::Task& task);
  template <class Act>
  void for_each_early(Act&& act);
  // The client has gone: nothing that it asked for is wanted any more.
  void abandon_all();
  // Answers in parts, session_streams.cc.
  void start_stream(bridge::Task* task);
  void begin_stream(bridge::Task* task);
  void ask_for_more(Stream& stream);
  void on_part(bridge::Task* task);
  bool may_go_on(const bridge::Task& stream);
  void finish_stream(bridge::Task* task);
  void forget_stream(bridge::Task* task);
  void end_stream(bridge::Task* task, std::optional<Error> reason);
  void end_streams(const Error& reason);
  void end_streams(const Error& reason, bool (*is_meant)(const bridge::Task&));
  void abandon_streams();
  // Those of pages, session_pages.cc. Of an admitted request, if it is one.
  Status open_pages(const ops::OpEntry& entry, bridge::Task& task);
  void ask_for_page(Stream& stream);
  Status send_for_page(Stream& stream);
  void on_page(bridge::Task* task);
  void unsubscribe(bridge::Task* task);
  void cancel(bridge::Task* task);
  void send_quota(bridge::Task* task);
  // What the client may do now: rights may have changed, its API key may have ended.
  void renew_identity(std::uint64_t now_ns);
  // Flows and logins, session_flows.cc.
  void start_auth(bridge::Task* task);
  void auth_by_trust(bridge::Task* task);
  void auth_by_password(bridge::Task* task);
  void auth_by_key(bridge::Task* task);
  void auth_by_scram(bridge::Task* task);
  void auth_by_certificate(bridge::Task* task);
  void auth_by_jwt(bridge::Task* task);
  void begin_scram(bridge::Task* task, std::string_view message);
  void finish_scram(bridge::Task* task, std::string_view message);
  void start_user_create(bridge::Task* task);
  void start_set_password(bridge::Task* task);
  void start_api_key_create(bridge::Task* task);
  void submit_password(std::string_view password, std::string hash);
  // Runs an inner op of the kernel's own engine as a step of the flow, as `who`.
  void step(std::string_view op, std::string_view args_json, auth::Identity who);
  void on_step(bridge::Task* task);
  void fail_flow(const Error& error);
  // The client is who it says; `members` of the answer beside name and tenant.
  void welcome(bridge::Task* task, auth::Identity identity, std::string_view members = {});
  // It is the user whom something vouches for that was checked already, until then (Unix time).
  void welcome_vouched(bridge::Task* task, const std::string& username, std::uint64_t ends_ms);
  // It is not, for whatever reason.
  void turn_away(bridge::Task* task, std::string_view username, const Error& error);

  // The audit log will tell of this request. Error: it cannot, and it must not be carried out.
  Status note(const bridge::Task& task, AuditNote note);
  void keep_note(const bridge::Task& task, AuditNote note);
  void refuse_op(const ops::OpEntry& entry, bridge::Task* task, const Error& error);
  void write_audit(std::string_view event, const AuditNote& note, std::string_view outcome);
  void refuse(bridge::Task* task, const Error& error);
  void send(bridge::Task* task);
  void send_members(bridge::Task* task, std::string_view members);
  // The answer is known: writes its frame if it is its turn.
  void settle(bridge::Task* task, std::unique_ptr<std::string> members);
  // Writes its frame; the task goes back to the pool.
  void write(bridge::Task* task, const std::string* members);
  // Its frame is written; it is held back until what it tells is durable.
  void hold(bridge::Task* task);
  void note_answer(std::uint32_t entry, ErrorCode code, std::uint64_t arrived_ns);
  // Where the frame of this answer belongs, and what it may say is durable when it is sent.
  ByteBuffer& place_of(const bridge::Task& task, Lsn& watermark);
  void put_last(const bridge::Task& task, const std::string* members);
  void put_parts(const bridge::Task& task);
  Slot& slot(std::uint64_t request_id) { return slots_[request_id & (slots_.size() - 1)]; }
  void open_slot();
  void advance();

  SessionHost& host_;
  std::uint32_t connection_;
  std::uint32_t generation_;
  AnswerForm* form_ = nullptr;
  RequestParser parser_;
  ParseDefaults defaults_;
  auth::Identity identity_;
  Flow flow_;
  std::optional<auth::ScramExchange> scram_;
  std::unique_ptr<auth::ClientCertificate> certificate_;
  std::string address_ = "local";
  std::map<std::uint64_t, AuditNote> notes_;  // by request id; nearly always empty
  std::uint32_t denials_ = 0;                 // that were audited
  // A batch over several lanes: it reaches the last of them later than a request behind it would.
  const bridge::Task* barrier_ = nullptr;
  RequestOrder order_;
  std::uint32_t auth_failures_ = 0;
  bool is_closing_ = false;
  bool is_turn_over_ = false;
  std::uint64_t next_id_ = 1;   // of the next frame
  std::uint64_t head_ = 1;      // oldest request that is not answered
  std::size_t in_flight_ = 0;
  std::vector<Slot> slots_;     // ring by request id, a power of two
  std::size_t open_bytes_ = 0;  // of requests that are not answered
  std::size_t waiting_bytes_ = 0;  // of answers that wait for those before them
  OpenStreams streams_;
  bool is_input_ended_ = false;
  std::unique_ptr<HeldAnswers> held_;  // null: there was never one
  ByteBuffer output_;
};

}  // namespace stator::session
