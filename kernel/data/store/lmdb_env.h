// The base of one lane: an LMDB environment with the databases "data" (the entries) and "meta"
// (format version, applied LSN); docs/formats/store.md. The only place that knows LMDB.
//
// open() reads the whole file and refuses a damaged one (lmdb_check.h, ADR 21). Reads: the lane's
// thread. write(): one other thread at a time. Default sync, no WRITEMAP: a committed transaction
// survives a power cut, a stray pointer cannot write to the map.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
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

class LmdbEnv {
 public:
  // Errors: kStorage, kDiskFull, kCorrupted; kUnsupported for another format version.
  static Result<std::unique_ptr<LmdbEnv>> open(const std::string& directory,
                                               std::uint64_t map_bytes);
  // Takes over `env`. open() is the way to get one that is ready.
  LmdbEnv(std::string directory, MDB_env* env) : directory_(std::move(directory)), env_(env) {}
  ~LmdbEnv();
  LmdbEnv(const LmdbEnv&) = delete;
  LmdbEnv& operator=(const LmdbEnv&) = delete;

  // Of the last committed write; not while write() runs.
  Lsn applied() const { return applied_; }

  // The first read begins a snapshot, which lasts until end_read(); so does what was handed out.
  bool get(ByteView key, ByteView& stored);
  std::unique_ptr<BaseCursor> cursor();
  void end_read();

  // All that `newest` says and the applied LSN, in one synced transaction. Errors:
  // kResourcesExhausted when the map is too small (grow() and try again), kDiskFull, kStorage.
  Status write(const Memtable& newest, Lsn applied);
  // Doubles the map. The lane's thread, while nobody reads or writes and no cursor lives. Error:
  // kBusy while copy() runs.
  Status grow();

  // Gives a compacted copy of data.mdb, as it is in one snapshot, to `sink` piece by piece; stops
  // at the sink's first error and returns it. Any thread but the lane's, while the others go on.
  Status copy(const std::function<Status(ByteView)>& sink);

 private:
  static Status create(io::FileSystem& files, const std::string& directory);
  // LMDB's own opening of what was checked; `sum` is that of its entries.
  static Result<std::unique_ptr<LmdbEnv>> attach(const std::string& directory,
                                                 std::uint64_t map_bytes, std::uint64_t sum);
  Status open_databases();
  int copy_into(int descriptor);
  Status check_format(MDB_txn* txn);
  Status write_entries(MDB_txn* txn, const Memtable& newest, std::uint64_t& sum);
  // What is said of the entries: format, applied LSN, digest.
  Status write_meta(MDB_txn* txn, std::uint64_t sum, Lsn applied);
  void begin_read();
  Error failure(const char* action, int reason) const;
  // Data that was there cannot be read: there is no answer that would be true.
  [[noreturn]] void die(const char* action, int reason) const;

  const std::string directory_;
  std::mutex copying_;  // held by copy(): its snapshot must not see the map move
  MDB_env* env_;
  MDB_txn* read_ = nullptr;
  bool is_reading_ = false;
  unsigned data_ = 0;
  unsigned meta_ = 0;
  Lsn applied_;
  std::uint64_t sum_ = 0;  // entry_digest.h, of the last committed write
};

}  // namespace stator::store
