// A sum over the primary state of engines: equal where the state is equal, whatever the lanes, the
// order of writes in different vShards, or the way the state was made (live, replay, restore,
// move).
//
// Derived state is left out: spaces that engines declare so, and everything in their memory. It
// finds accidents, not people: the hashes have no secret.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/thread_role.h"
#include "data/store/store.h"
#include "plugin/catalog.h"

namespace stator::core {

// Of a set of entries: the sum of their hashes, so that parts of a set can be added.
struct Digest {
  std::uint64_t entries = 0;
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  // What is stored under a key without its engine's number, which is this data directory's own.
  void add(const store::Entry& entry);
  void add(const Digest& other);
  std::string hex() const;  // 32 digits
  friend bool operator==(const Digest&, const Digest&) = default;
};

// By engine id; "kernel" is the kernel's own: idempotency answers, parked records, the dictionary.
using Digests = std::map<std::string, Digest>;

struct LaneDigests {
  Digests owned;  // of the lane's vShards
  Digests every;  // of what every lane keeps: the same on all lanes
};

// Of everything in `store`, or of one vShard. On the store's lane, outside a turn; reads all of it.
LaneDigests digests_of(store::Store& store, const plugin::Catalog& catalog,
                       std::optional<VShardId> only = std::nullopt) STATOR_ON(lane);

}  // namespace stator::core
