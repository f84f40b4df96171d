// The base of one lane: an LMDB environment with the databases "data" (the entries) and "meta"
// (format version, applied LSN); docs/formats/store.md. The only place that knows LMDB.
//
// open() reads the whole file and refuses a damaged one (lmdb_check.h, ADR 21). Reads: the lane's
// thread. write(): one other thread at a time. Default sync, no WRITEMAP: a committed transaction
// survives a power cut, a stray pointer cannot write to the map.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "data/store/mapped_tree.h"
#include "data/store/memtable.h"
#include "io/file_system.h"

struct MDB_cursor;
struct MDB_env;
struct MDB_txn;

namespace stator::store {

// An ordered position in the snapshot it was made in. Keys and values last until end_read().
class BaseCursor {
 public:
  explicit BaseCursor(MDB_cursor* cursor) : cursor_(cursor) {}
  ~BaseCursor();
  BaseCursor(const BaseCursor&) = delete;
  BaseCursor& operator=(const BaseCursor&) = delete;

  bool to_first();
  bool to_last();
  bool to_at_or_after(ByteView key);
  bool to_next();
  bool to_previous();
  ByteView key() const { return key_; }
  ByteView stored() const { return stored_; }

 private:
  bool move(unsigned operation);

  MDB_cursor* cursor_;
  ByteView key_;
  ByteView stored_;
};

class LmdbEnv;

// The base as it was when the snapshot was taken; what it hands out lasts as long as it does.
class BaseSnapshot {
 public:
  BaseSnapshot(LmdbEnv& base, MDB_txn* txn) : base_(base), txn_(txn) {}
  ~BaseSnapshot();
  BaseSnapshot(const BaseSnapshot&) = delete;
  BaseSnapshot& operator=(const BaseSnapshot&) = delete;

  bool get(ByteView key, ByteView& stored);
  // As LmdbEnv's.
  void fetch(std::span<const ByteView> keys, std::span<MappedEntry> found);
  std::unique_ptr<BaseCursor> cursor();

 private:
  LmdbEnv& base_;
  MDB_txn* txn_;
};

// How many bytes of keys and values each group of keys has, kept in the transactions that write
// them. The base does not know what a group is: `group_of` says so for a key. Null: nothing is
// measured.
struct Measuring {
  std::uint32_t (*group_of)(ByteView key) = nullptr;
  // At open the whole, after each committed write the change. On the thread that opens, or writes.
  std::function<void(std::uint32_t group, std::int64_t bytes)> on_change;
};

class LmdbEnv {
 public:
  // Errors: kStorage, kDiskFull, kCorrupted; kUnsupported for another format version. A base that
  // was never measured is read once as a whole; one of an older format is written anew.
  static Result<std::unique_ptr<LmdbEnv>> open(const std::string& directory,
                                               std::uint64_t map_bytes, Measuring measuring = {});
  // Takes over `env`. open() is the way to get one that is ready.
  LmdbEnv(std::string directory, MDB_env* env) : directory_(std::move(directory)), env_(env) {}
  ~LmdbEnv();
  LmdbEnv(const LmdbEnv&) = delete;
  LmdbEnv& operator=(const LmdbEnv&) = delete;

  // Of the last committed write; not while write() runs.
  Lsn applied() const { return applied_; }

  // The first read begins a snapshot, which lasts until end_read(); so does what was handed out.
  bool get(ByteView key, ByteView& stored) STATOR_ON(lane);
  // Looks up at most kKeysInStepMax keys at once. What is not found here get() may find.
  void fetch(std::span<const ByteView> keys, std::span<MappedEntry> found) STATOR_ON(lane);
  std::unique_ptr<BaseCursor> cursor() STATOR_ON(lane);
  void end_read() STATOR_ON(lane);
  // Beside the other reads, at most kPausedReadsMax at once. Before the base dies.
  std::unique_ptr<BaseSnapshot> snapshot() STATOR_ON(lane);

  // All that `newest` says and the applied LSN, in one synced transaction; a second one, of the
  // same state, has the pages that the first one freed used again by the next write. Errors:
  // kResourcesExhausted when the map is too small (grow() and try again), kDiskFull, kStorage.
  Status write(const Memtable& newest, Lsn applied) STATOR_ON(checkpointer);
  // Doubles the map. The lane's thread, while nobody reads or writes, no cursor and no snapshot
  // lives. Error: kBusy while copy() runs.
  Status grow() STATOR_ON(lane);

  // Gives a compacted copy of data.mdb, as it is in one snapshot, to `sink` piece by piece; stops
  // at the sink's first error and returns it. Any thread but the lane's, while the others go on.
  Status copy(const std::function<Status(ByteView)>& sink) STATOR_ON(background);

 private:
  static Status create(io::FileSystem& files, const std::string& directory);
  // LMDB's own opening of what was checked; `sum` is that of its entries.
  static Result<std::unique_ptr<LmdbEnv>> attach(const std::string& directory,
                                                 std::uint64_t map_bytes, std::uint64_t sum,
                                                 Measuring measuring);
  Status open_databases();
  int copy_into(int descriptor);
  Status check_format(MDB_txn* txn);
  using Sizes = std::map<std::uint32_t, std::int64_t>;  // by group
  Status write_entries(MDB_txn* txn, const Memtable& newest, std::uint64_t& sum, Sizes& change)
      STATOR_ON(checkpointer);
  // What is said of the entries: format, applied LSN, digest.
  Status write_meta(MDB_txn* txn, std::uint64_t sum, Lsn applied);
  // The same state once more.
  void commit_again();
  // From an older format; the result is what open() gives.
  static Result<std::unique_ptr<LmdbEnv>> upgrade(std::unique_ptr<LmdbEnv> old,
                                                  std::uint64_t map_bytes, Measuring measuring);
  // All that `old` holds, into a base that is new.
  Status take_over(LmdbEnv& old);
  Status commit_state();
  // Measuring, lmdb_measure.cc.
  Status load_sizes(MDB_txn* txn);
  int measure_all(MDB_txn* txn, Sizes& sizes);
  int write_sizes(MDB_txn* txn, const Sizes& sizes);
  void begin_read() STATOR_ON(lane);
  friend class BaseSnapshot;
  bool get_in(MDB_txn* txn, ByteView key, ByteView& stored) const;
  void fetch_in(MDB_txn* txn, std::span<const ByteView> keys, std::span<MappedEntry> found) const;
  std::unique_ptr<BaseCursor> cursor_in(MDB_txn* txn) const;
  Error failure(const char* action, int reason) const;
  // Data that was there cannot be read: there is no answer that would be true.
  [[noreturn]] void die(const char* action, int reason) const;

  const std::string directory_;
  std::mutex copying_;  // held by copy(): its snapshot must not see the map move
  MDB_env* env_;
  MDB_txn* read_ = nullptr;
  std::vector<MDB_txn*> resting_;  // of snapshots that ended, to be used again
  bool is_reading_ = false;
  unsigned main_ = 0;  // the tree of the databases
  std::size_t page_bytes_ = 0;
  unsigned data_ = 0;
  unsigned meta_ = 0;
  Lsn applied_;
  std::uint32_t format_ = 0;
  std::uint64_t sum_ = 0;  // entry_digest.h, of the last committed write
  Measuring measuring_;
  std::map<std::uint32_t, std::int64_t> sizes_;  // by group; as committed
};

}  // namespace stator::store
