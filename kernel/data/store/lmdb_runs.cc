#include "data/store/lmdb_runs.h"

#include <cstdint>

#include <lmdb.h>

namespace stator::store {
namespace {

constexpr std::size_t kPageBytes = 4096;  // of another size: runs are found less often
constexpr std::size_t kRunMin = 8;        // shorter ones are not worth the tail
constexpr std::size_t kTailMax = kPageBytes / 16;

ByteView to_view(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}
MDB_val to_val(ByteView bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

// Two that are not on one page may look as if they were; then more is taken out than needed.
bool may_share_page(const MDB_val& a, const MDB_val& b) {
  const auto at = reinterpret_cast<std::uintptr_t>(a.mv_data);
  const auto other = reinterpret_cast<std::uintptr_t>(b.mv_data);
  return (at > other ? at - other : other - at) < kPageBytes;
}

bool is_run(const Memtable::Node& node, ByteView end) {
  const Memtable::Node* next = &node;
  for (std::size_t i = 0; i < kRunMin; ++i) {
    next = next->next();
    if (next == nullptr || next->key() >= end) return false;
  }
  return true;
}

}  // namespace

int RunRoom::make(const Memtable::Node& node) {
  MDB_val at{};
  MDB_val key{};
  MDB_val stored{};
  int reason = mdb_cursor_get(cursor_, &at, &stored, MDB_GET_CURRENT);
  if (reason == 0) reason = mdb_cursor_get(cursor_, &key, &stored, MDB_NEXT);
  if (reason == 0 && !is_run(node, to_view(key))) return 0;
  while (reason == 0 && may_share_page(at, key) && may_share_page(at, stored) &&
         tail_.size() < kTailMax) {
    tail_.push_back({std::string(to_view(key)), std::string(to_view(stored))});
    reason = mdb_cursor_get(cursor_, &key, &stored, MDB_NEXT);
  }
  return reason == 0 || reason == MDB_NOTFOUND ? take_out() : reason;
}

int RunRoom::take_out() {
  for (const Entry& entry : tail_) {
    MDB_val key = to_val(entry.key);
    int reason = mdb_cursor_get(cursor_, &key, nullptr, MDB_SET);
    if (reason == 0) reason = mdb_cursor_del(cursor_, 0);
    if (reason != 0) return reason;
  }
  return 0;
}

int RunRoom::end() {
  for (const Entry& entry : tail_) {
    MDB_val key = to_val(entry.key);
    MDB_val stored = to_val(entry.stored);
    if (const int reason = mdb_cursor_put(cursor_, &key, &stored, MDB_NOOVERWRITE); reason != 0)
      return reason;
  }
  tail_.clear();
  return 0;
}

}  // namespace stator::store
