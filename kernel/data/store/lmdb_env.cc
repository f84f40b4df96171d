// LMDB 0.9.24 (lmdb.h is its documentation). MDB_NOTLS: the read transaction belongs to the object,
// not to the thread. MDB_NORDAHEAD: point reads of a base that is larger than memory.
#include "data/store/lmdb_env.h"

#include <cerrno>
#include <cstdlib>
#include <sys/statvfs.h>
#include <utility>

#include <lmdb.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "data/store/entry_digest.h"
#include "data/store/lmdb_check.h"
#include "data/store/lmdb_runs.h"
#include "data/store/stored_value.h"
#include "io/file_system.h"

namespace stator::store {
namespace {

constexpr std::uint64_t kMapBytesDefault = 64ull * 1024 * 1024 * 1024;
constexpr std::uint64_t kMapGranule = 64 * 1024;
// LMDB's readers, by default: the snapshots, the lane, a copy, and some to spare.
static_assert(kPausedReadsMax + 8 <= 126);
constexpr std::uint32_t kFormat = 3;
constexpr std::uint32_t kFormatWithoutDigest = 1;
constexpr const char* kDataName = "data";
constexpr ByteView kFormatKey = "format";
constexpr ByteView kAppliedKey = "applied";
constexpr ByteView kDigestKey = "digest";

MDB_val to_val(ByteView bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
ByteView to_view(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

ErrorCode code_of(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kDiskFull;
    case MDB_MAP_FULL:
      return ErrorCode::kResourcesExhausted;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
      return ErrorCode::kCorrupted;
    case MDB_VERSION_MISMATCH:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kStorage;
  }
}

// A write that is cut short by a full disk is EIO to LMDB, again and again: what it got stays a
// part of the file. Nothing is left then, but for what others let go of meanwhile.
bool is_full(const std::string& directory) {
  constexpr std::uint64_t kNothingBytes = 1024 * 1024;
  struct statvfs disk {};
  return ::statvfs(directory.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < kNothingBytes;
}

// Aborts the transaction unless it was committed.
class WriteTxn {
 public:
  explicit WriteTxn(MDB_env* env) : begun_(mdb_txn_begin(env, nullptr, 0, &txn_)) {}
  ~WriteTxn() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  WriteTxn(const WriteTxn&) = delete;
  WriteTxn& operator=(const WriteTxn&) = delete;
  int begun() const { return begun_; }
  MDB_txn* get() const { return txn_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

 private:
  MDB_txn* txn_ = nullptr;
  const int begun_;
};

template <class T>
int get_number(MDB_txn* txn, MDB_dbi dbi, ByteView key, T& number) {
  MDB_val name = to_val(key);
  MDB_val found{};
  const int reason = mdb_get(txn, dbi, &name, &found);
  if (reason != 0) return reason;
  if (found.mv_size != sizeof number) return MDB_CORRUPTED;
  number = load_little<T>(found.mv_data);
  return 0;
}

template <class T>
int put_number(MDB_txn* txn, MDB_dbi dbi, ByteView key, T number) {
  char raw[sizeof number];
  store_little(raw, number);
  MDB_val name = to_val(key);
  MDB_val value{sizeof raw, raw};
  return mdb_put(txn, dbi, &name, &value, 0);
}

// By how much the base grows, and its sum.
struct Growth {
  std::uint64_t sum = 0;
  std::int64_t bytes = 0;
  bool is_new = false;  // the entry
};

std::int64_t bytes_of(ByteView key, ByteView stored) {
  return static_cast<std::int64_t>(key.size() + stored.size());
}

int put_entry(MDB_cursor* cursor, ByteView key, ByteView stored, unsigned flags, Growth& growth) {
  MDB_val name = to_val(key);
  MDB_val value = to_val(stored);
  int reason = mdb_cursor_put(cursor, &name, &value, flags | MDB_NOOVERWRITE);
  growth.is_new = reason == 0;
  if (reason == MDB_KEYEXIST) {
    growth.sum -= entry_hash(key, to_view(value));
    growth.bytes -= bytes_of(key, to_view(value));
    value = to_val(stored);
    reason = mdb_cursor_put(cursor, &name, &value, MDB_CURRENT);
  }
  growth.sum += entry_hash(key, stored);
  growth.bytes += bytes_of(key, stored);
  return reason;
}

int erase_entry(MDB_cursor* cursor, ByteView key, Growth& growth) {
  MDB_val name = to_val(key);
  MDB_val value{};
  const int reason = mdb_cursor_get(cursor, &name, &value, MDB_SET);
  if (reason == MDB_NOTFOUND) return 0;
  if (reason != 0) return reason;
  growth.sum -= entry_hash(key, to_view(value));
  growth.bytes -= bytes_of(key, to_view(value));
  return mdb_cursor_del(cursor, 0);
}

// The sum over the entries of a file that LMDB has not seen yet; one that is not there holds none.
Result<std::uint64_t> check_file(io::FileSystem& files, const std::string& path) {
  STATOR_TRY(const bool is_there, files.exists(path));
  if (!is_there) return std::uint64_t{0};
  STATOR_TRY(const std::unique_ptr<io::File> file, files.open_to_read(path));
  STATOR_TRY(const CheckedFile checked, check_lmdb_file(*file, path));
  return checked.digest;
}

}  // namespace

BaseCursor::~BaseCursor() { mdb_cursor_close(cursor_); }

bool BaseCursor::move(unsigned operation) {
  MDB_val key = to_val(key_);
  MDB_val stored{};
  const int reason = mdb_cursor_get(cursor_, &key, &stored, static_cast<MDB_cursor_op>(operation));
  if (reason == MDB_NOTFOUND) return false;
  key_ = to_view(key);
  stored_ = to_view(stored);
  STATOR_ASSERT(reason == 0 && is_stored_value(stored_));  // a base that cannot be read: fail-stop
  return true;
}

bool BaseCursor::to_first() { return move(MDB_FIRST); }
bool BaseCursor::to_last() { return move(MDB_LAST); }
bool BaseCursor::to_next() { return move(MDB_NEXT); }
bool BaseCursor::to_previous() { return move(MDB_PREV); }
bool BaseCursor::to_at_or_after(ByteView key) {
  key_ = key;
  return move(MDB_SET_RANGE);
}

Error LmdbEnv::failure(const char* action, int reason) const {
  if (reason == EIO && is_full(directory_)) reason = ENOSPC;
  return Error(code_of(reason),
               std::string(action) + " the store " + directory_ + ": " + mdb_strerror(reason));
}

void LmdbEnv::die(const char* action, int reason) const {
  // After a failed write of its root LMDB serves nothing until it is opened again, which a start
  // does. Not a crash: the engine that wanted to read has done nothing wrong (docs/adr/0063).
  if (reason == MDB_PANIC) {
    log::error(
        failure(action, reason).sentence() +
        ": its root could not be written, so the server ends; nothing is lost, start it again");
    std::_Exit(EXIT_FAILURE);
  }
  log::error(failure(action, reason).sentence());
  std::abort();
}

Result<std::unique_ptr<LmdbEnv>> LmdbEnv::open(const std::string& directory,
                                               std::uint64_t map_bytes, Measuring measuring) {
  io::FileSystem& files = io::posix_file_system();
  STATOR_CHECK(files.make_directory(directory));
  STATOR_TRY(const bool is_there, files.exists(directory + "/data.mdb"));
  if (!is_there) STATOR_CHECK(create(files, directory));
  STATOR_TRY(const std::uint64_t sum, check_file(files, directory + "/data.mdb"));
  STATOR_TRY(std::unique_ptr<LmdbEnv> env, attach(directory, map_bytes, sum, measuring));
  if (env->format_ == kFormat) return env;
  return upgrade(std::move(env), map_bytes, std::move(measuring));
}

// LMDB writes the first pages of a file without a sync: a power cut can leave half of them. So the
// file is made aside and gets its name when it is whole.
Status LmdbEnv::create(io::FileSystem& files, const std::string& directory) {
  const std::string aside = directory + "/new";
  STATOR_CHECK(files.remove(aside));  // of an attempt that was broken off
  STATOR_CHECK(files.make_directory(aside));
  { STATOR_TRY(const std::unique_ptr<LmdbEnv> made, attach(aside, 0, 0, {})); }
  STATOR_CHECK(files.rename(aside + "/data.mdb", directory + "/data.mdb"));
  STATOR_CHECK(files.sync_directory(directory));
  return files.remove(aside);
}

Result<std::unique_ptr<LmdbEnv>> LmdbEnv::attach(const std::string& directory,
                                                 std::uint64_t map_bytes, std::uint64_t sum,
                                                 Measuring measuring) {
  const std::uint64_t wanted = map_bytes == 0 ? kMapBytesDefault : map_bytes;
  MDB_env* raw = nullptr;
  int reason = mdb_env_create(&raw);
  if (reason != 0) {
    return Error(code_of(reason), std::string("mdb_env_create: ") + mdb_strerror(reason));
  }
  auto env = std::make_unique<LmdbEnv>(directory, raw);
  env->sum_ = sum;
  env->measuring_ = std::move(measuring);
  reason = mdb_env_set_mapsize(raw, (wanted + kMapGranule - 1) / kMapGranule * kMapGranule);
  if (reason == 0) reason = mdb_env_set_maxdbs(raw, 2);
  if (reason == 0) {
    reason = mdb_env_open(raw, directory.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600);
  }
  if (reason != 0) return env->failure("open", reason);
  STATOR_ASSERT(mdb_env_get_maxkeysize(raw) == static_cast<int>(kStoreKeyBytesMax));
  STATOR_CHECK(env->open_databases());
  return env;
}

LmdbEnv::~LmdbEnv() {
  for (MDB_txn* txn : resting_) mdb_txn_abort(txn);
  if (read_ != nullptr) mdb_txn_abort(read_);
  mdb_env_close(env_);
}

// A commit that changed nothing writes nothing.
Status LmdbEnv::open_databases() {
  WriteTxn txn(env_);
  int reason = txn.begun();
  MDB_stat about{};
  if (reason == 0) reason = mdb_dbi_open(txn.get(), nullptr, 0, &main_);
  if (reason == 0) reason = mdb_stat(txn.get(), main_, &about);
  page_bytes_ = about.ms_psize;
  if (reason == 0) reason = mdb_dbi_open(txn.get(), kDataName, MDB_CREATE, &data_);
  if (reason == 0) reason = mdb_dbi_open(txn.get(), "meta", MDB_CREATE, &meta_);
  if (reason != 0) return failure("open", reason);
  STATOR_CHECK(check_format(txn.get()));
  if (measuring_.group_of != nullptr && format_ == kFormat) STATOR_CHECK(load_sizes(txn.get()));
  reason = txn.commit();
  if (reason == 0) reason = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &read_);
  if (reason != 0) return failure("open", reason);
  mdb_txn_reset(read_);
  return ok_status();
}

Status LmdbEnv::check_format(MDB_txn* txn) {
  MDB_stat about{};
  std::uint32_t format = 0;
  int reason = get_number(txn, meta_, kFormatKey, format);
  if (reason == MDB_NOTFOUND && mdb_stat(txn, data_, &about) == 0 && about.ms_entries == 0) {
    format_ = kFormat;
    return write_meta(txn, sum_, Lsn{0});
  }
  if (reason == MDB_NOTFOUND) reason = MDB_CORRUPTED;  // entries, but nobody says what they are
  if (reason != 0) return failure("read the format of", reason);
  if (format < kFormatWithoutDigest || format > kFormat) {
    return Error(ErrorCode::kUnsupported,
                 "the store " + directory_ + " has format " + std::to_string(format) +
                     "; this version knows format " + std::to_string(kFormatWithoutDigest) +
                     " to " + std::to_string(kFormat) +
                     ": start it with the statord that wrote it");
  }
  std::uint64_t applied = 0;
  reason = get_number(txn, meta_, kAppliedKey, applied);
  if (reason != 0)
    return failure("read the applied LSN of", reason == MDB_NOTFOUND ? MDB_CORRUPTED : reason);
  applied_ = Lsn{applied};
  format_ = format;
  if (format == kFormatWithoutDigest) return ok_status();
  std::uint64_t digest = 0;
  reason = get_number(txn, meta_, kDigestKey, digest);
  if (reason != 0)
    return failure("read the digest of", reason == MDB_NOTFOUND ? MDB_CORRUPTED : reason);
  if (digest == sealed_digest(sum_, applied_)) return ok_status();
  return Error(ErrorCode::kCorrupted,
               "the store " + directory_ +
                   " is damaged: its entries do not have the digest that was written with "
                   "them; nothing of it is served: restore a backup");
}

void LmdbEnv::begin_read() {
  if (is_reading_) return;
  const int reason = mdb_txn_renew(read_);
  if (reason != 0) die("begin to read", reason);
  is_reading_ = true;
}

void LmdbEnv::end_read() {
  if (!is_reading_) return;
  mdb_txn_reset(read_);
  is_reading_ = false;
}

bool LmdbEnv::get(ByteView key, ByteView& stored) {
  begin_read();
  return get_in(read_, key, stored);
}

std::unique_ptr<BaseCursor> LmdbEnv::cursor() {
  begin_read();
  return cursor_in(read_);
}

bool LmdbEnv::get_in(MDB_txn* txn, ByteView key, ByteView& stored) const {
  if (key.empty() || key.size() > kStoreKeyBytesMax) return false;
  MDB_val name = to_val(key);
  MDB_val found{};
  const int reason = mdb_get(txn, data_, &name, &found);
  if (reason == MDB_NOTFOUND) return false;
  if (reason != 0) die("read", reason);
  stored = to_view(found);
  if (!is_stored_value(stored)) die("read", MDB_CORRUPTED);
  return true;
}

void LmdbEnv::fetch(std::span<const ByteView> keys, std::span<MappedEntry> found) {
  begin_read();
  fetch_in(read_, keys, found);
}

// The main tree has for the name of each database what is known of its tree.
void LmdbEnv::fetch_in(MDB_txn* txn, std::span<const ByteView> keys,
                       std::span<MappedEntry> found) const {
  MDB_val name = to_val(kDataName);
  MDB_val record{};
  MDB_envinfo about{};
  int reason = mdb_get(txn, main_, &name, &record);
  if (reason == 0) reason = mdb_env_info(env_, &about);
  if (reason != 0) die("read", reason);
  const bool is_known = page_bytes_ == kMappedPageBytes;
  find_in_step(is_known ? tree_of(to_view(record), about.me_mapsize) : MappedTree{}, keys, found);
  for (const MappedEntry& one : found) {
    if (!one.key.empty() && !is_stored_value(one.stored)) die("read", MDB_CORRUPTED);
  }
}

std::unique_ptr<BaseCursor> LmdbEnv::cursor_in(MDB_txn* txn) const {
  MDB_cursor* cursor = nullptr;
  const int reason = mdb_cursor_open(txn, data_, &cursor);
  if (reason != 0) die("read", reason);
  return std::make_unique<BaseCursor>(cursor);
}

std::unique_ptr<BaseSnapshot> LmdbEnv::snapshot() {
  MDB_txn* txn = nullptr;
  int reason = 0;
  if (resting_.empty()) {
    reason = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  } else {
    txn = resting_.back();
    resting_.pop_back();
    reason = mdb_txn_renew(txn);
  }
  if (reason != 0) die("begin to read", reason);
  return std::make_unique<BaseSnapshot>(*this, txn);
}

BaseSnapshot::~BaseSnapshot() {
  mdb_txn_reset(txn_);
  base_.resting_.push_back(txn_);
}

bool BaseSnapshot::get(ByteView key, ByteView& stored) { return base_.get_in(txn_, key, stored); }

void BaseSnapshot::fetch(std::span<const ByteView> keys, std::span<MappedEntry> found) {
  base_.fetch_in(txn_, keys, found);
}

std::unique_ptr<BaseCursor> BaseSnapshot::cursor() { return base_.cursor_in(txn_); }

Status LmdbEnv::write(const Memtable& newest, Lsn applied) {
  WriteTxn txn(env_);
  if (txn.begun() != 0) return failure("write", txn.begun());
  std::uint64_t sum = sum_;
  Sizes change;
  STATOR_CHECK(write_entries(txn.get(), newest, sum, change));
  STATOR_CHECK(write_meta(txn.get(), sum, applied));
  Sizes sizes;  // of the groups that change
  for (const auto& [group, bytes] : change) sizes[group] = sizes_[group] + bytes;
  int reason = write_sizes(txn.get(), sizes);
  if (reason == 0) reason = txn.commit();
  if (reason != 0) return failure("commit", reason);
  sum_ = sum;
  applied_ = applied;
  for (const auto& [group, bytes] : change) {
    sizes_[group] += bytes;
    measuring_.on_change(group, bytes);
  }
  commit_again();
  return ok_status();
}

// LMDB uses a page again two transactions after the one that freed it, because the older of its two
// meta pages shows the state before the last one. What a large transaction frees would stay unused
// through the next large one, and the file would hold all that changes thrice.
void LmdbEnv::commit_again() {
  WriteTxn txn(env_);
  int reason = txn.begun();
  if (reason == 0) reason = put_number(txn.get(), meta_, kAppliedKey, applied_.value());
  if (reason == 0) reason = txn.commit();
  // What was written is written; the next write has the map grow, or fails like this one.
  if (reason != 0 && reason != MDB_MAP_FULL) log::warn(failure("commit again", reason).sentence());
}

// In key order through one cursor, which remembers the page of the last key.
Status LmdbEnv::write_entries(MDB_txn* txn, const Memtable& newest, std::uint64_t& sum,
                              Sizes& change) {
  MDB_stat about{};
  MDB_cursor* raw = nullptr;
  int reason = mdb_stat(txn, data_, &about);
  if (reason == 0) reason = mdb_cursor_open(txn, data_, &raw);
  if (reason != 0) return failure("write", reason);
  const unsigned flags = about.ms_entries == 0 ? MDB_APPEND : 0;
  RunRoom run(raw);
  for (const Memtable::Node* node = newest.first(); node != nullptr && reason == 0;
       node = node->next()) {
    Growth growth;
    reason = run.end_before(node->key());
    if (reason == 0)
      reason = node->is_erased() ? erase_entry(raw, node->key(), growth)
                                 : put_entry(raw, node->key(), node->stored(), flags, growth);
    if (reason == 0 && growth.is_new && flags == 0 && !run.is_open()) reason = run.make(*node);
    sum += growth.sum;
    if (growth.bytes != 0 && measuring_.group_of != nullptr)
      change[measuring_.group_of(node->key())] += growth.bytes;
  }
  if (reason == 0) reason = run.end();
  mdb_cursor_close(raw);
  return reason == 0 ? ok_status() : Status(failure("write", reason));
}

Status LmdbEnv::write_meta(MDB_txn* txn, std::uint64_t sum, Lsn applied) {
  int reason = put_number(txn, meta_, kFormatKey, kFormat);
  if (reason == 0) reason = put_number(txn, meta_, kAppliedKey, applied.value());
  if (reason == 0) reason = put_number(txn, meta_, kDigestKey, sealed_digest(sum, applied));
  return reason == 0 ? ok_status() : Status(failure("write", reason));
}

Status LmdbEnv::commit_state() {
  WriteTxn txn(env_);
  if (txn.begun() != 0) return failure("write", txn.begun());
  STATOR_CHECK(write_meta(txn.get(), sum_, applied_));
  const int reason = txn.commit();
  return reason == 0 ? ok_status() : Status(failure("commit", reason));
}

int LmdbEnv::copy_into(int descriptor) { return mdb_env_copyfd2(env_, descriptor, MDB_CP_COMPACT); }

Status LmdbEnv::grow() {
  STATOR_ASSERT(!is_reading_);
  const std::unique_lock lock(copying_, std::try_to_lock);
  if (!lock.owns_lock()) {
    return Error(ErrorCode::kBusy,
                 "the map of the store " + directory_ + " cannot grow while it is copied");
  }
  MDB_envinfo about{};
  int reason = mdb_env_info(env_, &about);
  if (reason == 0) reason = mdb_env_set_mapsize(env_, about.me_mapsize * 2);
  if (reason != 0) return failure("enlarge the map of", reason);
  log::info("the map of the store " + directory_ + " was enlarged to " +
            std::to_string(about.me_mapsize * 2) + " bytes");
  return ok_status();
}

}  // namespace stator::store
