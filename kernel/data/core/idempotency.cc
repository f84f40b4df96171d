#include "data/core/idempotency.h"

#include "base/assert.h"
#include "data/core/kernel_record.h"
#include "data/host/call_context.h"

namespace stator::core {
namespace {

// Value: lsn u64 (first record's), flags u8 (1 = binary), count u32 and offsets u32[] of where the
// LSN goes into the payload, payload.
constexpr std::size_t kHeaderBytes = 8 + 1 + 4;

std::string stored_key(TenantId tenant, ByteView key) {
  char prefix[host::kPrefixFixedBytes];
  std::string out(prefix, host::write_prefix(prefix, kKernelEngine, tenant, {}));
  out.push_back(static_cast<char>(kSpaceIdempotency));
  return out.append(key);
}

}  // namespace

bool IdempotencyTable::find(store::Store& store, bridge::Task& task) {
  store::Entry entry;
  if (!store.get(stored_key(task.tenant, task.idempotency_key), entry)) return false;
  STATOR_ASSERT(entry.value.size() >= kHeaderBytes);
  task.lsn = Lsn{load_little<std::uint64_t>(entry.value.data())};
  task.payload_is_binary = entry.value[8] != 0;
  const auto count = load_little<std::uint32_t>(entry.value.data() + 9);
  for (std::uint32_t i = 0; i < count; ++i) {
    task.lsn_at.push_back(load_little<std::uint32_t>(entry.value.data() + kHeaderBytes + 4 * std::size_t{i}));
  }
  task.payload.append(entry.value.substr(kHeaderBytes + 4 * std::size_t{count}));
  task.fill_in_lsn();
  return true;
}

Status IdempotencyTable::add(wal::BatchBuilder& batch, const bridge::Task& task, VShardId vshard) {
  std::string payload;
  payload.push_back(static_cast<char>(task.idempotency_key.size()));
  payload += task.idempotency_key;
  append_little(payload, batch.count());  // records before this one: the first LSN is lsn - count
  payload.push_back(task.payload_is_binary ? 1 : 0);
  append_little(payload, static_cast<std::uint32_t>(task.lsn_at.size()));
  for (const std::uint32_t at : task.lsn_at) append_little(payload, at);
  payload += task.payload.view();
  return batch.add({kKernelEngine,
                    static_cast<std::uint32_t>(KernelRecord::kIdempotency),
                    task.tenant,
                    vshard,
                    {},
                    payload});
}

void IdempotencyTable::apply(store::Store& store, const wal::RecordView& record, Lsn lsn) {
  const ByteView payload = record.payload;
  const auto key_bytes = static_cast<std::uint8_t>(payload[0]);
  const ByteView key = payload.substr(1, key_bytes);
  const char* at = payload.data() + 1 + key_bytes;
  std::string value;
  append_little(value, lsn.value() - load_little<std::uint32_t>(at));
  value.append(payload.substr(1 + key_bytes + 4u));
  store.put(stored_key(record.tenant, key), record.vshard, value);
}

}  // namespace stator::core
