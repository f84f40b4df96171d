// Formats 1 and 2 differ from 3 in their keys alone (stored_key.h). The file is written anew beside
// the old one and takes its name when it is whole, so an upgrade that is broken off is begun again.
#include <algorithm>
#include <string>
#include <utility>

#include <lmdb.h>

#include "base/log.h"
#include "data/store/entry_digest.h"
#include "data/store/lmdb_env.h"
#include "data/store/stored_key.h"

namespace stator::store {
namespace {

constexpr std::size_t kEntriesOfATransaction = 100'000;  // some ten thousand pages of memory

MDB_val to_val(ByteView bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

// The key of format 3; empty where `old` is none of the formats before.
std::string short_key(ByteView old) {
  StoredKey parts;
  if (!split_long_key(old, parts)) return {};
  std::string key(kPrefixBytesMax + kCollectionBytesMax, '\0');
  key.resize(write_prefix(key.data(), parts.engine, parts.tenant, parts.collection));
  key.push_back(static_cast<char>(parts.space));
  return key.append(parts.key);
}

}  // namespace

Result<std::unique_ptr<LmdbEnv>> LmdbEnv::upgrade(std::unique_ptr<LmdbEnv> old,
                                                  std::uint64_t map_bytes, Measuring measuring) {
  io::FileSystem& files = io::posix_file_system();
  const std::string directory = old->directory_;
  const std::string aside = directory + "/new";
  log::info("the store " + directory + " has format " + std::to_string(old->format_) +
            " and is written anew");
  STATOR_CHECK(files.remove(aside));  // of an attempt that was broken off
  STATOR_CHECK(files.make_directory(aside));
  MDB_envinfo about{};
  if (const int reason = mdb_env_info(old->env_, &about); reason != 0)
    return old->failure("upgrade", reason);
  std::uint64_t sum = 0;
  {
    // Room for all of it: the new file is no larger than the old one, and is not changed.
    STATOR_TRY(const std::unique_ptr<LmdbEnv> made, attach(aside, about.me_mapsize * 2, 0, {}));
    STATOR_CHECK(made->take_over(*old));
    sum = made->sum_;
  }
  old.reset();
  STATOR_CHECK(files.rename(aside + "/data.mdb", directory + "/data.mdb"));
  STATOR_CHECK(files.sync_directory(directory));
  STATOR_CHECK(files.remove(aside));
  return attach(directory, map_bytes, sum, std::move(measuring));
}

Status LmdbEnv::take_over(LmdbEnv& old) {
  const ActsAs role(threads::lane);  // a store that is being opened is nobody else's yet
  const auto from = old.cursor();
  std::string greatest;
  for (bool goes_on = from->to_first(); goes_on;) {
    MDB_txn* txn = nullptr;
    MDB_cursor* to = nullptr;
    int reason = mdb_txn_begin(env_, nullptr, 0, &txn);
    if (reason == 0) reason = mdb_cursor_open(txn, data_, &to);
    for (std::size_t i = 0; reason == 0 && goes_on && i < kEntriesOfATransaction; ++i) {
      std::string key = short_key(from->key());
      const bool is_behind = key > greatest;
      MDB_val name = to_val(key);
      MDB_val value = to_val(from->stored());
      reason = key.empty()
                   ? MDB_CORRUPTED
                   : mdb_cursor_put(to, &name, &value, is_behind ? MDB_APPEND : MDB_NOOVERWRITE);
      sum_ += entry_hash(key, from->stored());
      if (is_behind) greatest = std::move(key);
      goes_on = from->to_next();
    }
    if (to != nullptr) mdb_cursor_close(to);
    if (reason == 0) reason = mdb_txn_commit(std::exchange(txn, nullptr));
    if (txn != nullptr) mdb_txn_abort(txn);
    if (reason != 0) return old.failure("upgrade", reason);
  }
  applied_ = old.applied();
  return commit_state();
}

}  // namespace stator::store
