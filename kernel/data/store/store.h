// The ordered, durable map of one lane: memtable -> frozen memtable -> LMDB base.
//
// Reads look at all three. Writes go to the memtable and carry the LSN of the record that made
// them; they are durable because the log is. A checkpoint freezes the memtable and a background
// thread writes it to LMDB in one sorted, fully synced transaction that also stores the applied
// LSN; nothing newer than the durable LSN is ever checkpointed.
//
// Thread: the lane's, but for what says otherwise; so are the walks and snapshots that it gives.
// Keys: 1..511 bytes, bytewise order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"

namespace stator::store {

inline constexpr std::size_t kFetchMax = 32;

struct Entry {
  ByteView key;
  ByteView value;
  VShardId vshard;
};

// An ordered walk. next() is false at the end. The entry's views last until the next next(), the
// end of the turn, or a write to the store (after which the walk must not be used).
class Walk {
 public:
  virtual ~Walk() = default;
  virtual bool next(Entry& entry) = 0;
};

struct WalkOptions {
  ByteView lower;  // inclusive; empty = from the first
  ByteView upper;  // exclusive; empty = to the last
  bool reverse = false;
};

// The store as it was when the snapshot was taken, whatever is written meanwhile; what it hands out
// lasts as long as it does. Thread: the lane's.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual bool get(ByteView key, Entry& entry) = 0;
  virtual void fetch(std::span<const ByteView> keys, std::span<Entry> found) = 0;
  // The entry's views last until the next next(), or longer: as long as the snapshot.
  virtual std::unique_ptr<Walk> walk(const WalkOptions& options) = 0;
};

struct StoreOptions {
  std::string directory;          // of this lane's LMDB environment
  std::uint64_t map_bytes = 0;    // 0 = default (64 GiB of address space; grows by itself)
  std::size_t memtable_bytes = 0; // 0 = kMemtableBytesMax
  // Called on the checkpoint thread when a checkpoint ended (rings the lane's doorbell); may be
  // empty.
  std::function<void()> on_checkpoint;
  // Sizes of groups of keys (LmdbEnv's Measuring): at open, then on the checkpoint thread; null:
  // none.
  std::uint32_t (*group_of)(ByteView key) = nullptr;
  std::function<void(std::uint32_t group, std::int64_t bytes)> on_size_change = {};
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
  virtual ~Store() = default;

  // Every record of this lane up to here is in the base (0: none).
  virtual Lsn applied() const STATOR_ON(lane) = 0;

  // Around each turn of the lane's loop: values handed out between them stay valid until end_turn.
  virtual void begin_turn() STATOR_ON(lane) = 0;
  virtual void end_turn() STATOR_ON(lane) = 0;

  // False if absent. Allocates nothing on the heap.
  virtual bool get(ByteView key, Entry& entry) STATOR_ON(lane) = 0;
  // Looks up many keys at once, so that their cache misses overlap: at most kFetchMax, none empty;
  // `found` has as many. An entry is what get() gives, its key lies in the store too; or its key is
  // empty, and get() knows. Allocates nothing.
  virtual void fetch(std::span<const ByteView> keys, std::span<Entry> found) STATOR_ON(lane) = 0;
  // Hints that `key` will be read soon, in two steps so that many keys are fetched at once: first
  // prefetch() for all of them, then prefetch_value() with what it returned.
  virtual std::uint64_t prefetch(ByteView key) const STATOR_ON(lane) = 0;
  virtual void prefetch_value(std::uint64_t hint) const STATOR_ON(lane) = 0;
  virtual std::unique_ptr<Walk> walk(const WalkOptions& options) STATOR_ON(lane) = 0;
  // At most kPausedReadsMax at once; turns, writes and checkpoints go on beside it. It costs the
  // old values of what is written meanwhile, and frozen memtables stay. Null: not now, the base
  // must grow first, for which all snapshots have to end.
  virtual std::unique_ptr<Snapshot> snapshot() STATOR_ON(lane) = 0;
  virtual void put(ByteView key, VShardId vshard, ByteView value) STATOR_ON(lane) = 0;
  // put(), where nobody holds a view of the value that is there now: its memory may be used again.
  virtual void overwrite(ByteView key, VShardId vshard, ByteView value) STATOR_ON(lane) = 0;
  virtual void erase(ByteView key) STATOR_ON(lane) = 0;

  // The memtable is full, or so much was written over that the log is long; and no checkpoint is
  // running.
  virtual bool wants_checkpoint() const STATOR_ON(lane) = 0;
  // Freezes the memtable, whose last record has LSN `up_to` (also when it is empty: the applied LSN
  // advances), and starts writing it on the checkpoint thread. The caller waits until `up_to` is
  // durable. No-op while another one runs: false.
  virtual bool start_checkpoint(Lsn up_to) STATOR_ON(lane) = 0;
  // Takes in a checkpoint that ended: its memory is freed. Its error, if it failed (the data stays
  // in memory and in the log; the next start_checkpoint writes it again together with what came
  // since).
  virtual Status finish_checkpoint() STATOR_ON(lane) = 0;
  virtual bool checkpoint_running() const STATOR_ON(lane) = 0;
  // Blocks until the running checkpoint ended, then finish_checkpoint().
  virtual Status wait_checkpoint() STATOR_ON(lane) = 0;

  virtual std::size_t memtable_bytes() const STATOR_ON(lane) = 0;

  // Forgets every write that is not in the base: the store is as it was when it was applied() last. Not
  // in a turn, not while a checkpoint runs.
  virtual void forget_memory() STATOR_ON(lane) = 0;

  // Gives the base as it is now (what is in memory only is not in it) to `sink`, piece by piece: the
  // bytes of a data.mdb whose applied LSN is inside. Stops at the sink's first error. Another thread
  // than the lane's, one at a time, while the lane goes on; a checkpoint that needs a larger map
  // fails meanwhile and is tried again.
  virtual Status copy(const std::function<Status(ByteView)>& sink) STATOR_ON(background) = 0;
};

// Moves every entry of the stores under `from` (one directory per lane, "lane-0"...) to new stores
// under `to` by vShard -> lane; entries of kEveryVShard go to every new lane. All stores have the
// same applied LSN `up_to` afterwards. For a change of the number of lanes, before start.
Status reshard(const std::string& from, std::uint32_t from_lanes, const std::string& to,
               std::uint32_t to_lanes, Lsn up_to,
               const std::function<LaneId(VShardId)>& lane_of);

}  // namespace stator::store
