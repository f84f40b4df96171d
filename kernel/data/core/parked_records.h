// Records of engines that are not enabled, or that crash on them (data/host/quarantine.h): they lie
// in the lane's store, under the kernel's prefix, until their engine can have them. So checkpoints
// and the trimming of the log go on without it.
//
// Thread: the lane's. Only in recovery: an engine that is not enabled makes no new records, nor do
// collections in quarantine.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "data/store/store.h"
#include "wal/batch.h"

namespace stator::core {

// Engine id -> number of records.
using ParkedCounts = std::map<std::string, std::uint64_t>;

class ParkedRecords {
 public:
  explicit ParkedRecords(store::Store& store) : store_(store) {}

  // In a turn. Parking the same record again changes nothing. Error kCorrupted: the dictionary
  // knows no engine of this number.
  Status park(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) STATOR_ON(lane);

  // Hands every parked record of `engine` but those that stay to `apply`, in the order of the log
  // and with its time, each in a turn of its own that also erases it: no checkpoint holds one
  // without the other. Outside turns.
  using Stays = std::function<bool(const wal::RecordView&, Lsn)>;
  using Apply = std::function<Status(const wal::RecordView&, Lsn, std::uint64_t)>;
  Status give_back(EngineNumber engine, const Stays& stays, const Apply& apply) STATOR_ON(lane);

  // The parked record at this LSN, if there is one, goes to `look`. In a turn of `store`.
  static void look_at(store::Store& store, EngineNumber engine, Lsn lsn,
                      const std::function<void(const wal::RecordView&)>& look) STATOR_ON(lane);

  // Of an entry that holds one; 0 if it is damaged.
  static TenantId tenant_of(const store::Entry& entry);

  // What is parked here. Of records that every lane keeps, lane 0 counts one. Outside turns.
  ParkedCounts counts(LaneId lane) const STATOR_ON(lane);

 private:
  bool is_known(EngineNumber engine) STATOR_ON(lane);
  Status checkpoint_if_full() STATOR_ON(lane);

  store::Store& store_;
  std::set<EngineNumber> known_;  // of the dictionary
};

}  // namespace stator::core
