// One vShard as a file: every entry that a lane's store keeps under it (all engines' and the
// kernel's own), as of one LSN. docs/formats/vshard.md draws it.
//
// What is read is checked as a whole before anything is changed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "data/core/state_digest.h"
#include "data/store/store.h"
#include "io/file_system.h"

namespace stator::core {

struct SnapshotHead {
  VShardId vshard;
  Lsn lsn;  // holds every record of the vShard up to here, and none behind
  std::uint64_t placement =
      0;  // placement_check() of the keys' hash: elsewhere keys lie in other vShards
};

struct SnapshotFacts {
  SnapshotHead head;
  std::map<std::string, EngineNumber> engines;  // the dictionary, as entries name engines
  Digest sum;                                   // over all entries, derived ones too
};

std::uint64_t placement_check(const HashKey& key);

// Writes the vShard's entries to an empty file and syncs it. On the store's lane, outside a turn;
// the caller sees to it that the store holds exactly the records up to head.lsn.
Result<SnapshotFacts> write_snapshot(store::Store& store, const SnapshotHead& head, io::File& file)
    STATOR_ON(lane);

// Checks a whole file; gives its entries to `sink` on the way, which may be none. Errors:
// kCorrupted with the offset, kUnsupported (a newer format), kStorage, the sink's.
using EntrySink = std::function<Status(const store::Entry&)>;
Result<SnapshotFacts> read_snapshot(io::File& file, const EntrySink& sink);

// Replaces what `store` holds of the vShard by the file's content. On the store's lane, outside a
// turn, with an empty memtable. The store's applied LSN stays. Errors: of read_snapshot();
// kRejectedConstraint when the file is of another hash key or its engines have other numbers here.
// Those change nothing.
Result<SnapshotFacts> load_snapshot(store::Store& store, std::uint64_t placement, io::File& file)
    STATOR_ON(lane);

// Erases the vShard's entries from the store and from its base. As load_snapshot().
Status erase_vshard(store::Store& store, VShardId vshard) STATOR_ON(lane);
// Over every entry of the vShard, derived ones too: SnapshotFacts::sum.
Digest sum_of_vshard(store::Store& store, VShardId vshard) STATOR_ON(lane);

}  // namespace stator::core
