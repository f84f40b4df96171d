// First answers of idempotency keys (docs/adr/0040): a repeat gets the stored answer, also after a
// restart. The answer is a record in the same batch as the write it belongs to.
//
// A key is looked up on the lane that owns the request's vShard. Answers are kept for a day of the
// log's time.
#pragma once

#include <cstdint>
#include <string>

#include "base/thread_role.h"
#include "bridge/task.h"
#include "data/store/store.h"
#include "wal/batch.h"

namespace stator::core {

inline constexpr std::uint64_t kAnswerKeptMs = 24ull * 60 * 60 * 1000;

class IdempotencyTable {
 public:
  // Answers `task`: with the stored answer, or, where the key was another request's, with
  // kBadRequest. False if the key is new. `now_ms`: the lane's time.
  static bool find(store::Store& store, std::uint64_t now_ms, bridge::Task& task) STATOR_ON(lane);
  // Adds the record that keeps `task`'s answer (its payload, and where the LSN is to be put in), on
  // the lane of `vshard`.
  static Status add(wal::BatchBuilder& batch, const bridge::Task& task, VShardId vshard);
  // Keeps the answer, and now and then lets go of old ones of its vShard: what stays is decided by
  // the log alone.
  static void apply(store::Store& store, const wal::RecordView& record, Lsn lsn,
                    std::uint64_t time_ms) STATOR_ON(lane);
};

}  // namespace stator::core
