#include "data/core/state_digest.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/hash.h"
#include "base/thread_role.h"
#include "data/core/kernel_record.h"
#include "data/host/call_context.h"

namespace stator::core {
namespace {

constexpr std::size_t kEngineNumberBytes = 2;  // of a long key; another in each directory

// Two of them make a sum of 128 bits.
constexpr HashKey kLowKey{0x646967657374, 1};
constexpr HashKey kHighKey{0x646967657374, 2};

// Engine numbers, and what counts of each engine.
class Names {
 public:
  Names(store::Store& store, const plugin::Catalog& catalog) STATOR_ON(lane) {
    names_[kKernelEngine] = "kernel";
    each_engine_number(store, [this](EngineNumber number, ByteView id) { names_[number] = id; });
    for (const auto& engine : catalog.engines()) {
      names_[engine->number] = engine->id;
      const stator_engine_v1& of = engine->descriptor;
      for (std::uint64_t i = 0; i < of.derived_space_count; ++i) {
        derived_[engine->number][of.derived_spaces[i]] = true;
      }
    }
  }
  bool is_derived(const store::StoredKey& key) const {
    const auto found = derived_.find(key.engine);
    return found != derived_.end() && found->second[key.space];
  }
  std::string of(EngineNumber number) const {
    const auto found = names_.find(number);
    return found != names_.end() ? found->second : "engine " + std::to_string(number.value());
  }

 private:
  std::map<EngineNumber, std::string> names_;
  std::map<EngineNumber, std::array<bool, 256>> derived_;
};

}  // namespace

// Keys as they were in the stores' first format: the digest of the same data stays what it was.
void Digest::add(const store::Entry& entry) {
  std::string key;
  store::StoredKey parts;
  if (store::split_key(entry.key, parts)) {
    store::append_long_key(key, parts);
    key.erase(0, kEngineNumberBytes);
  } else {
    key = entry.key;
  }
  std::string bytes;
  bytes.reserve(8 + key.size() + entry.value.size());
  append_little(bytes, entry.vshard.value());
  append_little(bytes, static_cast<std::uint32_t>(key.size()));
  bytes.append(key);
  bytes.append(entry.value);
  ++entries;
  low += keyed_hash(kLowKey, bytes);
  high += keyed_hash(kHighKey, bytes);
}

void Digest::add(const Digest& other) {
  entries += other.entries;
  low += other.low;
  high += other.high;
}

std::string Digest::hex() const {
  char text[33];
  std::snprintf(text, sizeof text, "%016lx%016lx", high, low);
  return text;
}

LaneDigests digests_of(store::Store& store, const plugin::Catalog& catalog,
                       std::optional<VShardId> only) {
  LaneDigests sums;
  store.begin_turn();
  {
    const Names names(store, catalog);
    const auto walk = store.walk({});
    store::StoredKey key;
    for (store::Entry entry; walk->next(entry);) {
      if (only && entry.vshard != *only) continue;
      if (!store::split_key(entry.key, key) || names.is_derived(key)) continue;
      // Each lane has the mark of a dropped tenant for as long as its own part takes.
      if (key.engine == kKernelEngine && key.space == kSpaceDropped) continue;
      Digests& part = entry.vshard == kEveryVShard ? sums.every : sums.owned;
      part[names.of(key.engine)].add(entry);
    }
  }
  store.end_turn();
  return sums;
}

}  // namespace stator::core
