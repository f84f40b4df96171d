#include "data/core/idempotency.h"

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "base/thread_role.h"
#include "data/core/kernel_record.h"
#include "data/host/call_context.h"

namespace stator::core {
namespace {

// Value: lsn u64 (first record's), time ms u64, then as in the record from the request's hash on:
// hash u64, flags u8, count u32 and places of LSNs in the payload, payload. A place is its offset
// u32; with kOfMany behind it u32 which record it is.
constexpr std::size_t kHashAt = 8 + 8;
constexpr std::size_t kFlagsAt = kHashAt + 8;
constexpr std::size_t kHeaderBytes = kFlagsAt + 1 + 4;
constexpr std::uint8_t kBinary = 1;
constexpr std::uint8_t kOfMany = 2;

// One answer of sixteen, taken by a mixed LSN because LSNs of answers may be all even, lets go of
// at most kCleanMax old ones: there are never many more than are given in a day.
constexpr std::size_t kCleanMax = 64;
bool is_time_to_clean(Lsn lsn) { return lsn.value() * 0x9e3779b97f4a7c15u >> 60 == 0; }

std::string space_of(TenantId tenant, std::uint8_t space) {
  char prefix[store::kPrefixBytesMax];
  std::string out(prefix, store::write_prefix(prefix, kKernelEngine, tenant, {}));
  out.push_back(static_cast<char>(space));
  return out;
}

std::string stored_key(TenantId tenant, ByteView key) {
  return space_of(tenant, kSpaceKeptAnswer).append(key);
}

// The answers of a vShard in the order of their time; an entry has no value.
std::string order_prefix(TenantId tenant, VShardId vshard) {
  char number[2];
  store_big16(number, static_cast<std::uint16_t>(vshard.value()));
  return space_of(tenant, kSpaceKeptOrder).append(number, sizeof number);
}

std::string order_key(TenantId tenant, VShardId vshard, std::uint64_t time_ms, ByteView key) {
  char time[8];
  store_big64(time, time_ms);
  return order_prefix(tenant, vshard).append(time, sizeof time).append(key);
}

std::uint64_t time_of(const store::Entry& entry) {
  return load_little<std::uint64_t>(entry.value.data() + 8);
}

void let_go(store::Store& store, TenantId tenant, VShardId vshard, std::uint64_t up_to_ms)
    STATOR_ON(lane) {
  const std::string lower = order_prefix(tenant, vshard);
  const std::string upper = order_key(tenant, vshard, up_to_ms, {});
  std::vector<std::string> old;
  {
    const auto walk = store.walk({lower, upper, false});
    for (store::Entry entry; old.size() < kCleanMax && walk->next(entry);)
      old.emplace_back(entry.key);
  }
  for (const std::string& key : old) {
    const std::uint64_t time_ms = load_big64(key.data() + lower.size());
    const std::string answer = stored_key(tenant, ByteView(key).substr(lower.size() + 8));
    store::Entry entry;
    // A key that was used again after its time has a newer answer.
    if (store.get(answer, entry) && time_of(entry) == time_ms) store.erase(answer);
    store.erase(key);
  }
}

}  // namespace

bool IdempotencyTable::find(store::Store& store, std::uint64_t now_ms, bridge::Task& task) {
  store::Entry entry;
  if (!store.get(stored_key(task.tenant, task.idempotency_key), entry)) return false;
  STATOR_ASSERT(entry.value.size() >= kHeaderBytes);
  if (time_of(entry) + kAnswerKeptMs <= now_ms) return false;
  task.lsn = Lsn{load_little<std::uint64_t>(entry.value.data())};
  if (load_little<std::uint64_t>(entry.value.data() + kHashAt) != task.request_hash) {
    task.refuse(
        Error(ErrorCode::kBadRequest, "idempotency_key",
              "'idempotency_key' was used for the same op with other arguments, which was "
              "carried out; a repeat must say the same, another request needs another key"));
    return true;
  }
  const auto flags = static_cast<std::uint8_t>(entry.value[kFlagsAt]);
  task.payload_is_binary = (flags & kBinary) != 0;
  const auto count = load_little<std::uint32_t>(entry.value.data() + kFlagsAt + 1);
  ByteView rest = entry.value.substr(kHeaderBytes);
  const auto take_number = [&rest] {
    const auto number = load_little<std::uint32_t>(rest.data());
    rest.remove_prefix(sizeof number);
    return number;
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t at = take_number();
    task.lsn_at.push_back({at, (flags & kOfMany) != 0 ? take_number() : 0});
  }
  task.payload.append(rest);
  task.fill_in_lsn();
  return true;
}

Status IdempotencyTable::add(wal::BatchBuilder& batch, const bridge::Task& task, VShardId vshard) {
  STATOR_ASSERT(task.idempotency_key.size() <= 255);
  std::string payload;
  payload.push_back(static_cast<char>(task.idempotency_key.size()));
  payload += task.idempotency_key;
  append_little(payload, batch.count());  // records before this one: the first LSN is lsn - count
  append_little(payload, task.request_hash);
  const bool is_of_many = std::any_of(task.lsn_at.begin(), task.lsn_at.end(),
                                      [](const auto& place) { return place.record != 0; });
  payload.push_back(
      static_cast<char>((task.payload_is_binary ? kBinary : 0) | (is_of_many ? kOfMany : 0)));
  append_little(payload, static_cast<std::uint32_t>(task.lsn_at.size()));
  for (const bridge::LsnPlace& place : task.lsn_at) {
    append_little(payload, place.at);
    if (is_of_many) append_little(payload, place.record);
  }
  payload += task.payload.view();
  return batch.add({kKernelEngine,
                    static_cast<std::uint32_t>(is_of_many ? KernelRecord::kKeptAnswerOfMany
                                                          : KernelRecord::kKeptAnswer),
                    task.tenant,
                    vshard,
                    {},
                    payload});
}

void IdempotencyTable::apply(store::Store& store, const wal::RecordView& record, Lsn lsn,
                             std::uint64_t time_ms) {
  const ByteView payload = record.payload;
  const auto key_bytes = static_cast<std::uint8_t>(payload[0]);
  const ByteView key = payload.substr(1, key_bytes);
  const char* at = payload.data() + 1 + key_bytes;
  std::string value;
  append_little(value, lsn.value() - load_little<std::uint32_t>(at));
  append_little(value, time_ms);
  value.append(payload.substr(1 + key_bytes + 4u));
  store.put(stored_key(record.tenant, key), record.vshard, value);
  store.put(order_key(record.tenant, record.vshard, time_ms, key), record.vshard, {});
  if (time_ms > kAnswerKeptMs && is_time_to_clean(lsn))
    let_go(store, record.tenant, record.vshard, time_ms - kAnswerKeptMs);
}

}  // namespace stator::core
