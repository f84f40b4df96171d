// First answers of idempotency keys, per tenant: a repeat gets the stored answer, also after a
// restart. The answer is a record in the same batch as the write it belongs to.
//
// A key is looked up on the lane that owns the request's vShard: a repeat of the same request finds
// it; a key reused for another document may not be noticed.
#pragma once

#include <string>

#include "bridge/task.h"
#include "data/store/store.h"
#include "wal/batch.h"

namespace stator::core {

class IdempotencyTable {
 public:
  // The stored answer into `task`; false if the key is new.
  static bool find(store::Store& store, bridge::Task& task);
  // Adds the record that keeps `task`'s answer (its payload, and where the LSN is to be put in), on
  // the lane of `vshard`.
  static Status add(wal::BatchBuilder& batch, const bridge::Task& task, VShardId vshard);
  static void apply(store::Store& store, const wal::RecordView& record, Lsn lsn);
};

}  // namespace stator::core
