// What stands behind the opaque stator_call: one call of an engine, with its rights and its memory.
//
// Thread: the lane's. A context is reused from call to call; begin_*() sets it up, end() frees what
// the engine obtained.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "stator/engine.h"

#include "base/byte_buffer.h"
#include "base/ids.h"
#include "base/in_flight.h"
#include "base/limits.h"
#include "base/thread_role.h"
#include "bridge/arg_binding.h"
#include "bridge/task.h"
#include "bridge/vshard_map.h"
#include "data/host/arena.h"
#include "data/host/tenant_memory.h"
#include "data/store/store.h"
#include "data/store/stored_key.h"
#include "plugin/catalog.h"
#include "wal/batch.h"

namespace stator::host {

class Quarantine;

enum class Phase : std::uint8_t { kIdle, kOpen, kRead, kPrepare, kApply, kMerge };

// Who pauses the calls of ops that take long.
class Pauser {
 public:
  virtual ~Pauser() = default;
  // [in the call that runs] Returns later if its slice of time is over. True: it is to stop.
  virtual bool look() = 0;
};

// Where engines say when they have work to do (work_service.cc).
class Alarms {
 public:
  virtual ~Alarms() = default;
  // `engine`: index into the catalog's engines.
  virtual void wake(std::uint32_t engine, TenantId tenant, ByteView collection,
                    std::uint64_t at_ms) = 0;
};

// What calls of one lane share.
struct LaneHost {
  LaneId lane;
  store::Store* store = nullptr;
  // The store, for who is inside: the core, which asks its callers for their thread, and what
  // engines call while it runs one.
  store::Store& own_store() const STATOR_ASSUMES(lane) { return *store; }
  const plugin::Catalog* catalog = nullptr;
  const bridge::ArgBinding* binding = nullptr;
  std::vector<stator_instance*> instances;  // by engine index
  const bridge::VShardMap* vshards = nullptr;
  const std::uint32_t* interrupt = nullptr;
  Pauser* pauser = nullptr;
  Alarms* alarms = nullptr;
  const std::set<TenantId>* dropped = nullptr;  // whose entries engines do not see when they open
  const Quarantine* quarantine = nullptr;       // null: nothing is kept away from its engine
  std::uint64_t time_ms = 0;  // of this turn
  TenantMemory memory;
};

}  // namespace stator::host

// In the global namespace: the SDK names this type.
struct stator_call : stator::InFlight {
  stator_call();
  stator::host::LaneHost* host = nullptr;
  stator::host::Phase phase = stator::host::Phase::kIdle;
  const stator::plugin::Engine* engine = nullptr;
  std::uint32_t depth = 0;
  std::uint32_t vshard = 0;
  stator::TenantId tenant;
  stator::ByteView collection;
  const stator::bridge::Task* task = nullptr;  // root request; null in open and apply
  const stator_op* op = nullptr;
  // apply only: what is applied, and as what.
  const stator::wal::RecordView* record = nullptr;
  stator::Lsn lsn;
  bool is_replay = false;

  // The answer.
  stator::ByteBuffer* reply = nullptr;
  bool reply_is_binary = false;
  std::int64_t lsn_at = -1;  // offset in reply, -1 = nowhere
  std::string next_page;     // where the page behind this answer begins; empty: there is none
  std::string error_field;
  std::string error_sentence;

  stator::wal::BatchBuilder* batch = nullptr;  // prepare only
  stator::ByteBuffer* claims = nullptr;        // the same

  bool is_together = false;  // prepare only: with the parts of the other lanes

  // Work (stator.work/1), which is a prepare otherwise.
  bool is_work = false;
  stator::ByteView note;   // what it was called with
  std::string everywhere;  // what it wants to be called with on all lanes; empty: it does not
  bool is_later = false;   // merge only: not yet

  // What kv shows of the store; null: the present. begin() and end() leave it as it is.
  stator::store::Snapshot* snapshot = nullptr;

  bool has_looked = false;  // views of stored values may be out

  // What kv.prefetch has looked up, in the order of its keys; kv.get takes it from here.
  std::array<stator::store::Entry, stator::store::kFetchMax> fetched;
  std::size_t fetched_count = 0;
  std::size_t fetched_at = 0;  // the first that was not taken yet

  // Memory and cursors of the call.
  stator::host::Arena arena;
  std::vector<std::unique_ptr<stator_kv_cursor>> cursors;
  std::vector<std::unique_ptr<stator_call>> nested;  // contexts and answers of calls it made
  std::vector<std::unique_ptr<stator::ByteBuffer>> nested_replies;

  // Key under construction: prefix of (engine, tenant, collection), then space and engine key.
  std::array<char, stator::kStoreKeyBytesMax> key;
  std::size_t prefix_size = 0;

  // Begins a call in `phase`; `collection` must outlive it.
  void begin(stator::host::LaneHost& lane_host, stator::host::Phase in,
             const stator::plugin::Engine& of, stator::TenantId for_tenant,
             stator::ByteView in_collection);
  void end();
};

struct stator_kv_cursor {
  std::unique_ptr<stator::store::Walk> walk;
  std::size_t prefix_size = 0;  // bytes of the stored key before the engine's key
};

namespace stator::host {

static_assert(store::kPrefixBytesMax + kCollectionBytesMax + 1 + STATOR_KV_KEY_BYTES_MAX <=
              kStoreKeyBytesMax);

// get_service of stator_kernel_hello: every service this kernel offers.
const void* find_service(const char* id);
const stator_kernel_hello& kernel_hello();

const stator_reply_service& reply_service();
const stator_records_service& records_service();
const stator_kv_service& kv_service();
const stator_mem_service& mem_service();
const stator_call_service& call_service();
const stator_rows_service& rows_service();
const stator_log_service& log_service();
const stator_pause_service& pause_service();
const stator_work_service& work_service();

}  // namespace stator::host
