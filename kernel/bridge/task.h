// One request on its way: filled by the control plane, carried out by a lane's core, answered back.
//
// A Task belongs to the lane whose connection sent the request (its origin) and is pooled there.
// Handing the pointer over hands over the right to touch it: origin -> core -> origin, never both.
// Buffers keep their capacity, so a warm task allocates nothing.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "stator/args.h"

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/row_rules.h"
#include "bridge/aligned_buffer.h"

namespace stator::bridge {

enum class Priority : std::uint8_t { kBackground, kNormal, kHigh, kCritical };
enum class Consistency : std::uint8_t { kStrong, kBounded, kEventual };
enum class PayloadFormat : std::uint8_t { kBase64, kJson };

enum class TaskKind : std::uint8_t {
  kExecute,  // run the op on this lane
  kMerge,    // make the answer from `parts`
  // An atomic batch (docs/adr/0013): on one lane it is kBatch; over several each lane prepares its
  // items and holds everything else back, the home lane appends all their records at once, each
  // lane applies its own and goes on.
  kBatch,
  kBatchWait,  // one that is not atomic, until its min_lsn is reached; then its items are sent
  kBatchPrepare,
  kBatchAppend,
  kBatchCheck,  // claims whose keys are this lane's
  kBatchApply,
  kBatchCancel,
  kBatchFinish,
};

// What the core of a lane carries out itself instead of an engine's op.
enum class CoreOp : std::uint8_t {
  kNone,
  kCheckpoint,  // payload of a part: the lane's applied LSN; of the merged answer: {"lsn":the
                // smallest}
  // A turn of an engine's background work (docs/adr/0038): `op` is the engine's place in the
  // catalog; behind the empty argument block stands the note with which all lanes do it.
  kWork,
};

// An argument block without arguments.
inline constexpr std::size_t kNoArgsBytes = sizeof(stator_arg_block);

// The whole arguments of most requests.
inline constexpr std::size_t kPrefetchedArgsBytes = 256;

// Where the LSN of a record stands in an answer: at this offset of the payload, and which of the
// records that are written with it; kNoRecord: of none, and so 0.
struct LsnPlace {
  std::uint32_t at = 0;
  std::uint32_t record = 0;
};
inline constexpr std::uint32_t kNoRecord = 0xffffffff;

// Of a task that no connection waits for.
inline constexpr std::uint32_t kNoConnection = 0xffffffff;

struct Task {
  // ---- what to do; written by the origin --------------------------------------------------------
  TaskKind kind = TaskKind::kExecute;
  CoreOp core_op = CoreOp::kNone;  // if it is one, `op` means nothing
  Priority priority = Priority::kNormal;
  Consistency consistency = Consistency::kStrong;
  std::uint32_t op = 0;  // index into the catalog's ops
  TenantId tenant;
  VShardId vshard;
  std::uint32_t permissions = 0;  // what the identity may do here; for calls between engines
  std::unique_ptr<const RowRules> rows;  // null: no row policy binds the identity here
  std::uint64_t deadline_ns = 0;  // monotonic
  std::uint64_t trace_id = 0;
  Lsn min_lsn;
  std::string collection;
  std::string idempotency_key;     // empty = none; else of its tenant, and not the client's alone
  std::uint64_t request_hash = 0;  // of what is asked, where there is a key; 0 = not known
  AlignedBuffer args;           // a stator_arg_block
  std::vector<ByteView> parts;  // kMerge; borrowed from the children
  std::vector<Task*> items;     // of a batch, in order; a batch owns them, its children borrow
  std::uint32_t item = 0;       // of an item: its place in the batch
  bool is_round = false;  // a batch, or its part, whose items are requests of their own (ADR 32)
  bool is_in_one_piece = false;  // a read that does not pause: a write may follow it in its batch

  bool wants_pages = false;  // `stream`: the answer is a page, and the next one may be asked for

  // The client no longer wants it: the origin says so at any time, whoever holds the task looks.
  std::atomic<bool> is_cancelled{false};

  // ---- the answer; written by the core ----------------------------------------------------------
  ErrorCode code = ErrorCode::kOk;
  bool payload_is_binary = false;
  Lsn lsn;  // of the first record written, 0 if none
  std::string next_page;  // what the op's cursor is to be for the page behind this one; empty: none
  std::vector<LsnPlace> lsn_at;       // ascending; where LSNs are to be put into the payload
  std::uint32_t first_record = 0;     // of an item: which of the batch's is its first, or kNoRecord
  bool is_read = false;               // an op that writes nothing answered
  bool is_repeat = false;             // the payload is the stored first answer (core/idempotency.h)
  // kExecute, kBatch: nothing was written, because other lanes must take part; kBatchPrepare: the
  // round must begin again.
  bool wants_round = false;
  bool wants_all = false;         // kWork: all lanes are to do it, with the note in args
  bool is_later = false;          // kMerge: it waits here for something to be applied
  bool is_held = false;           // kBatchPrepare: the lane runs nothing else now
  bool is_again = false;          // kBatchCancel: the round will begin again
  ByteBuffer claims;              // what it takes and frees, bridge/claim.h
  ByteBuffer records;             // kBatchPrepare: what is to be written; kBatchAppend: what was
  std::uint32_t record_count = 0;
  std::uint64_t time_ms = 0;      // kBatchAppend: of the records
  ByteBuffer payload;
  std::string error_field;
  std::string error_sentence;
  std::string error_hint;
  std::uint32_t retry_after_ms = 0;
  // The payload is one or more frames of an answer that goes on; each ends at an offset of frame_ends.
  bool is_partial = false;
  std::vector<std::uint32_t> frame_ends;
  Lsn stream_next;   // everything before it was given
  Lsn seen;          // of a batch: the newest record it read or wrote
  Lsn answer_after;  // the answer waits until this LSN is durable

  // ---- the way back; the origin's alone, but that a lane keeps the order of a connection's
  // requests
  LaneId origin;
  LaneId executor;  // counted against that lane's ring credit when not the origin
  std::uint32_t away_at = 0;  // its place among the origin's tasks at that lane
  std::size_t away_bytes = 0;   // of its answer, as counted on its way here (answers_away.h)
  std::size_t kept_bytes = 0;   // of its answer, as counted while it waits for other parts
  std::size_t items_bytes = 0;  // of a batch that is not atomic: of the answers that have come
  bool is_abandoned = false;  // another task has answered for it: it is dropped when it comes back
  bool is_out = false;        // a part of a batch: a lane has it
  std::uint32_t connection = kNoConnection;
  std::uint32_t connection_generation = 0;
  std::uint64_t request_id = 0;
  std::uint64_t arrived_ns = 0;  // monotonic
  std::uint32_t entry = 0;       // of the op table
  PayloadFormat payload_format = PayloadFormat::kBase64;
  bool is_strict = false;
  std::string client_id;  // JSON text of `id`, empty = none
  Task* parent = nullptr;
  std::vector<Task*> children;
  std::uint32_t children_open = 0;
  bool is_atomic = true;  // of a batch
  // The session sees to it that the answer waits for answer_after; otherwise the core does.
  bool is_held_by_session = false;
  bool is_step = false;  // of a session's own flow: the answer is for the session, not the client
  bool is_streaming = false;  // its first part was sent: it has left the order of the answers
  std::uint64_t stream = 0;   // its name at the desk that makes its parts; 0 = it is no stream
  bool is_backup = false;  // the checkpoint that a backup begins with
  std::atomic<std::uint64_t>* open_count = nullptr;  // one less when this task rests
  std::size_t* held_in = nullptr;                    // the sum in which it counts; null: in none
  std::size_t held_bytes = 0;                        // as they are counted there

  bool was_cancelled() const { return is_cancelled.load(std::memory_order_relaxed); }
  // Of a batch that has begun: it must go on whatever is held back or late.
  bool is_step_of_batch() const { return kind >= TaskKind::kBatchAppend; }
  // Begins to fetch it into the cache; when that is done, what it points to: its answer.
  void prefetch() const {
    for (std::size_t at = 0; at < sizeof(Task); at += 64) {
      __builtin_prefetch(reinterpret_cast<const char*>(this) + at, 1);
    }
  }
  // Of kWork.
  ByteView note() const {
    return {reinterpret_cast<const char*>(args.data()) + kNoArgsBytes, args.size() - kNoArgsBytes};
  }
  // An argument block without arguments, then the note.
  void set_note(ByteView text);
  void prefetch_answer() const { __builtin_prefetch(payload.data()); }
  // Of one that is to be carried out: what it reads, and where its answer will stand.
  void prefetch_request() const {
    const std::size_t bytes = std::min(args.size(), kPrefetchedArgsBytes);
    for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(args.data() + at);
    __builtin_prefetch(payload.data(), 1);
  }
  void refuse(const Error& error);
  void refuse_as_cancelled();
  // It is a part of what that one asks, or answers in its place.
  void set_request_of(const Task& client);
  // Counts the memory that it holds until it rests in `sum`, which outlives it: itself, its
  // arguments, its items, and what was copied of it for lanes. Again: what has come since, too.
  void count_held(std::size_t& sum);
  // What was asked is not needed any more: the answer is there.
  void forget_args();
  // Takes back what an engine answered.
  void clear_answer();
  // Puts LSNs, counted from `lsn`, into the payload wherever they belong.
  void fill_in_lsn();
  // Ready for the next request; keeps small buffers, frees large ones.
  void reset();
};

// What a task is told whose deadline passes while the log waits for space.
Error not_durable_in_time();

// Tasks of one lane. Its thread only.
class TaskPool {
 public:
  Task* take();
  // With the items it owns.
  void give_back(Task* task);
  std::size_t taken() const { return taken_; }

 private:
  std::vector<std::unique_ptr<Task>> all_;
  std::vector<Task*> free_;
  std::size_t taken_ = 0;
};

}  // namespace stator::bridge
