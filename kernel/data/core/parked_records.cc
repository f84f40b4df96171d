#include "data/core/parked_records.h"

#include <vector>

#include "base/assert.h"
#include "base/thread_role.h"
#include "data/core/kernel_record.h"
#include "data/host/call_context.h"

namespace stator::core {
namespace {

// Value: type u32, tenant u32, time u64, bytes of the collection u16, collection, payload. The
// vShard is the entry's, so that a change of the number of lanes carries it along.
constexpr std::size_t kValueHeaderBytes = 4 + 4 + 8 + 2;
// Records that are taken out of the store before they are applied: a walk does not outlive a write.
constexpr std::size_t kGroupBytes = 4u * 1024 * 1024;

std::string space_prefix(std::uint8_t space) {
  char prefix[store::kPrefixBytesMax];
  std::string out(prefix, store::write_prefix(prefix, kKernelEngine, TenantId{0}, {}));
  out.push_back(static_cast<char>(space));
  return out;
}

// Engine and LSN big-endian: the order of keys is the order of the log.
std::string parked_key(EngineNumber engine, Lsn lsn) {
  char parts[2 + 8];
  store_big16(parts, engine.value());
  store_big64(parts + 2, lsn.value());
  return space_prefix(kSpaceParked).append(parts, sizeof parts);
}

// The first key behind every parked record of `engine`.
std::string end_of(EngineNumber engine) {
  const auto next = static_cast<std::uint16_t>(engine.value() + 1);
  return next == 0 ? space_prefix(kSpaceParked + 1) : parked_key(EngineNumber{next}, Lsn{0});
}

std::string parked_value(const wal::RecordView& record, std::uint64_t time_ms) {
  std::string value;
  value.reserve(kValueHeaderBytes + record.collection.size() + record.payload.size());
  append_little(value, record.type);
  append_little(value, record.tenant.value());
  append_little(value, time_ms);
  append_little(value, static_cast<std::uint16_t>(record.collection.size()));
  value.append(record.collection);
  value.append(record.payload);
  return value;
}

EngineNumber engine_of(ByteView key) {
  return EngineNumber{load_big16(key.data() + space_prefix(kSpaceParked).size())};
}

Lsn lsn_of(ByteView key) {
  const char* at = key.data() + key.size() - 8;
  return Lsn{std::uint64_t{load_big32(at)} << 32 | load_big32(at + 4)};
}

// A record that was taken out of the store.
struct Parked {
  std::string key;
  std::string value;
  VShardId vshard;

  bool is_whole() const {
    return value.size() >= kValueHeaderBytes &&
           value.size() >= kValueHeaderBytes + collection_bytes();
  }
  std::size_t collection_bytes() const { return load_little<std::uint16_t>(value.data() + 16); }
  std::uint64_t time_ms() const { return load_little<std::uint64_t>(value.data() + 8); }
  wal::RecordView record() const {
    const ByteView rest = ByteView(value).substr(kValueHeaderBytes);
    return {.engine = engine_of(key),
            .type = load_little<std::uint32_t>(value.data()),
            .tenant = TenantId{load_little<std::uint32_t>(value.data() + 4)},
            .vshard = vshard,
            .collection = rest.substr(0, collection_bytes()),
            .payload = rest.substr(collection_bytes())};
  }
};

// The next ones of `engine` at or behind `from`.
std::vector<Parked> take_group(store::Store& store, const std::string& from, const std::string& end)
    STATOR_ON(lane) {
  std::vector<Parked> group;
  std::size_t bytes = 0;
  store.begin_turn();
  {
    const auto walk = store.walk({from, end, false});
    for (store::Entry entry; bytes < kGroupBytes && walk->next(entry);) {
      group.push_back({std::string(entry.key), std::string(entry.value), entry.vshard});
      bytes += entry.key.size() + entry.value.size();
    }
  }
  store.end_turn();
  return group;
}

}  // namespace

bool ParkedRecords::is_known(EngineNumber engine) {
  if (known_.contains(engine)) return true;
  each_engine_number(store_, [this](EngineNumber number, ByteView) { known_.insert(number); });
  return known_.contains(engine);
}

Status ParkedRecords::park(const wal::RecordView& record, Lsn lsn, std::uint64_t time_ms) {
  if (!is_known(record.engine)) {
    return Error(ErrorCode::kCorrupted, "the record at LSN " + std::to_string(lsn.value()) +
                                            " is of engine number " +
                                            std::to_string(record.engine.value()) +
                                            ", which this data directory never gave to an engine");
  }
  store_.put(parked_key(record.engine, lsn), record.vshard, parked_value(record, time_ms));
  return ok_status();
}

// Everything in the memtable comes from records up to the applied LSN, so a checkpoint on the way
// does not move it.
Status ParkedRecords::checkpoint_if_full() {
  if (!store_.wants_checkpoint() || !store_.start_checkpoint(store_.applied())) return ok_status();
  return store_.wait_checkpoint();
}

Status ParkedRecords::give_back(EngineNumber engine, const Stays& stays, const Apply& apply) {
  std::string from = parked_key(engine, Lsn{0});
  const std::string end = end_of(engine);
  for (;;) {
    const std::vector<Parked> group = take_group(store_, from, end);
    if (group.empty()) return ok_status();
    for (const Parked& parked : group) {
      if (!parked.is_whole()) {
        return Error(
            ErrorCode::kCorrupted,
            "the parked record at LSN " + std::to_string(lsn_of(parked.key).value()) + " is cut");
      }
      if (stays(parked.record(), lsn_of(parked.key))) continue;
      store_.begin_turn();
      Status applied = apply(parked.record(), lsn_of(parked.key), parked.time_ms());
      if (applied.ok()) store_.erase(parked.key);
      store_.end_turn();
      STATOR_CHECK(std::move(applied));
      STATOR_CHECK(checkpoint_if_full());
    }
    from = group.back().key + '\0';
  }
}

void ParkedRecords::look_at(store::Store& store, EngineNumber engine, Lsn lsn,
                            const std::function<void(const wal::RecordView&)>& look) {
  const std::string key = parked_key(engine, lsn);
  store::Entry entry;
  if (!store.get(key, entry)) return;
  const Parked parked{key, std::string(entry.value), entry.vshard};
  if (parked.is_whole()) look(parked.record());
}

TenantId ParkedRecords::tenant_of(const store::Entry& entry) {
  if (entry.value.size() < kValueHeaderBytes) return TenantId{0};
  return TenantId{load_little<std::uint32_t>(entry.value.data() + 4)};
}

ParkedCounts ParkedRecords::counts(LaneId lane) const {
  std::map<EngineNumber, std::uint64_t> by_number;
  ParkedCounts counts;
  store_.begin_turn();
  {
    const auto walk =
        store_.walk({space_prefix(kSpaceParked), space_prefix(kSpaceParked + 1), false});
    for (store::Entry entry; walk->next(entry);) {
      if (entry.vshard != kEveryVShard || lane == LaneId{0}) ++by_number[engine_of(entry.key)];
    }
  }
  if (!by_number.empty()) {
    each_engine_number(store_, [&](EngineNumber number, ByteView id) {
      if (const auto it = by_number.find(number); it != by_number.end())
        counts[std::string(id)] = it->second;
    });
  }
  store_.end_turn();
  return counts;
}

}  // namespace stator::core
