// The sizes of groups in database "meta": key "bytes" + group u32 big-endian, value i64 little-endian; "measured"
// says that they are there.
#include <lmdb.h>

#include <string>

#include "data/store/lmdb_env.h"

namespace stator::store {
namespace {

constexpr std::string_view kMeasuredKey = "measured";
constexpr std::string_view kSizeKey = "bytes";

MDB_val to_val(ByteView bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
ByteView to_view(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

// visit(key, value) for each entry from `from` on, until it says false.
template <class Visit>
int each(MDB_txn* txn, MDB_dbi database, ByteView from, Visit&& visit) {
  MDB_cursor* cursor = nullptr;
  int reason = mdb_cursor_open(txn, database, &cursor);
  if (reason != 0) return reason;
  MDB_val key = to_val(from);
  MDB_val value{};
  reason = mdb_cursor_get(cursor, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (reason == 0 && visit(to_view(key), to_view(value))) {
    reason = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  mdb_cursor_close(cursor);
  return reason == MDB_NOTFOUND ? 0 : reason;
}

}  // namespace

int LmdbEnv::write_sizes(MDB_txn* txn, const Sizes& sizes) {
  for (const auto& [group, bytes] : sizes) {
    std::string name(kSizeKey);
    name.resize(kSizeKey.size() + sizeof group);
    store_big32(name.data() + kSizeKey.size(), group);
    char raw[sizeof bytes];
    store_little(raw, bytes);
    MDB_val key = to_val(name);
    MDB_val value{sizeof raw, raw};
    if (const int reason = mdb_put(txn, meta_, &key, &value, 0); reason != 0) return reason;
  }
  return 0;
}

int LmdbEnv::measure_all(MDB_txn* txn, Sizes& sizes) {
  const int reason = each(txn, data_, {}, [&](ByteView key, ByteView stored) {
    sizes[measuring_.group_of(key)] += static_cast<std::int64_t>(key.size() + stored.size());
    return true;
  });
  if (reason != 0) return reason;
  MDB_val key = to_val(kMeasuredKey);
  MDB_val value{};
  const int marked = mdb_put(txn, meta_, &key, &value, 0);
  return marked == 0 ? write_sizes(txn, sizes) : marked;
}

Status LmdbEnv::load_sizes(MDB_txn* txn) {
  Sizes sizes;
  MDB_val key = to_val(kMeasuredKey);
  MDB_val value{};
  int reason = mdb_get(txn, meta_, &key, &value);
  if (reason == MDB_NOTFOUND) {
    reason = measure_all(txn, sizes);
  } else if (reason == 0) {
    reason = each(txn, meta_, kSizeKey, [&](ByteView name, ByteView raw) {
      if (name.substr(0, kSizeKey.size()) != kSizeKey) return false;
      if (name.size() != kSizeKey.size() + 4 || raw.size() != sizeof(std::int64_t)) return true;
      sizes[load_big32(name.data() + kSizeKey.size())] = load_little<std::int64_t>(raw.data());
      return true;
    });
  }
  if (reason != 0) return failure("measure", reason);
  for (const auto& [group, bytes] : sizes) measuring_.on_change(group, bytes);
  sizes_ = std::move(sizes);
  return ok_status();
}

}  // namespace stator::store
