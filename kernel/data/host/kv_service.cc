// stator.kv/1: an engine's keys, under a prefix it cannot leave.
#include <array>
#include <cstring>
#include <span>

#include "base/assert.h"
#include "data/host/call_context.h"

namespace stator::host {
namespace {

constexpr std::size_t kCursorsMax = 16;

ByteView view(stator_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}
stator_bytes lend(ByteView bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// The stored key; valid until the next one of this call.
ByteView stored_key(stator_call* call, std::uint8_t space, ByteView key) {
  STATOR_ASSERT(key.size() <= STATOR_KV_KEY_BYTES_MAX);
  char* at = call->key.data() + call->prefix_size;
  *at++ = static_cast<char>(space);
  if (!key.empty()) std::memcpy(at, key.data(), key.size());
  return {call->key.data(), call->prefix_size + 1 + key.size()};
}

// Keys are asked for in the order in which they were given; some may be left out.
bool take_fetched(stator_call* call, ByteView stored, store::Entry& entry) {
  for (std::size_t i = call->fetched_at; i < call->fetched_count; ++i) {
    if (call->fetched[i].key != stored) continue;
    entry = call->fetched[i];
    call->fetched_at = i + 1;
    return true;
  }
  return false;
}

int get(stator_call* call, std::uint8_t space, stator_bytes key, stator_bytes* value) {
  if (key.size == 0 || key.size > STATOR_KV_KEY_BYTES_MAX) return 0;
  store::Entry entry;
  call->has_looked = true;
  const io::Uncounted kernels;
  const ByteView stored = stored_key(call, space, view(key));
  if (take_fetched(call, stored, entry)) {
    *value = lend(entry.value);
    return 1;
  }
  const bool is_there = call->snapshot == nullptr ? call->host->own_store().get(stored, entry)
                                                  : call->snapshot->get(stored, entry);
  if (!is_there) return 0;
  *value = lend(entry.value);
  return 1;
}

void prefetch(stator_call* call, std::uint8_t space, const stator_bytes* keys,
              std::uint64_t count) {
  std::array<std::array<char, kStoreKeyBytesMax>, store::kFetchMax> stored;
  std::array<ByteView, store::kFetchMax> views;
  std::size_t taken = 0;
  const io::Uncounted kernels;
  for (std::uint64_t i = 0; i < count && taken < views.size(); ++i) {
    if (keys[i].size == 0 || keys[i].size > STATOR_KV_KEY_BYTES_MAX) continue;
    const ByteView key = stored_key(call, space, view(keys[i]));
    std::memcpy(stored[taken].data(), key.data(), key.size());
    views[taken] = {stored[taken].data(), key.size()};
    ++taken;
  }
  const auto wanted = std::span<const ByteView>(views).first(taken);
  const auto found = std::span(call->fetched).first(taken);
  call->has_looked = true;
  call->snapshot == nullptr ? call->host->own_store().fetch(wanted, found)
                            : call->snapshot->fetch(wanted, found);
  call->fetched_count = taken;
  call->fetched_at = 0;
}

// First key behind every key of this space: the prefix with its last byte (the space) plus one.
std::string end_of_space(stator_call* call, std::uint8_t space) {
  std::string end(stored_key(call, space, {}));
  for (std::size_t i = end.size(); i-- > 0;) {
    if (static_cast<std::uint8_t>(end[i]) != 0xff) {
      end[i] = static_cast<char>(static_cast<std::uint8_t>(end[i]) + 1);
      end.resize(i + 1);
      return end;
    }
  }
  return {};
}

stator_kv_cursor* scan(stator_call* call, std::uint8_t space, stator_bytes lower,
                       stator_bytes upper, int reverse) {
  STATOR_ASSERT(call->cursors.size() < kCursorsMax);
  const io::Uncounted kernels;
  const std::string from(stored_key(call, space, view(lower)));
  const std::string to = upper.size == 0 ? end_of_space(call, space)
                                         : std::string(stored_key(call, space, view(upper)));
  auto cursor = std::make_unique<stator_kv_cursor>();
  const store::WalkOptions options = {from, to, reverse != 0};
  cursor->walk = call->snapshot == nullptr ? call->host->own_store().walk(options)
                                           : call->snapshot->walk(options);
  cursor->prefix_size = call->prefix_size + 1;
  call->has_looked = true;
  call->cursors.push_back(std::move(cursor));
  return call->cursors.back().get();
}

int next(stator_kv_cursor* cursor, stator_kv_entry* out) {
  const io::Uncounted kernels;
  store::Entry entry;
  if (!cursor->walk->next(entry)) return 0;
  *out = {lend(entry.key.substr(cursor->prefix_size)), lend(entry.value), entry.vshard.value(), 0};
  return 1;
}

void put(stator_call* call, std::uint8_t space, std::uint32_t vshard, stator_bytes key,
         stator_bytes value) {
  STATOR_ASSERT(call->phase == Phase::kApply);
  STATOR_ASSERT(key.size >= 1 && value.size <= STATOR_KV_VALUE_BYTES_MAX);
  STATOR_ASSERT(vshard < kVShards || vshard == kEveryVShard.value());
  call->fetched_count = 0;
  const io::Uncounted kernels;
  const ByteView stored = stored_key(call, space, view(key));
  // Views of a call end with it, so those of other calls are void; this call may hold the old
  // value.
  store::Store& store = call->host->own_store();
  call->has_looked ? store.put(stored, VShardId{vshard}, view(value))
                   : store.overwrite(stored, VShardId{vshard}, view(value));
}

void erase(stator_call* call, std::uint8_t space, stator_bytes key) {
  STATOR_ASSERT(call->phase == Phase::kApply);
  if (key.size == 0) return;
  call->fetched_count = 0;
  const io::Uncounted kernels;
  call->host->own_store().erase(stored_key(call, space, view(key)));
}

void visit_all(stator_call* call, std::uint8_t space, stator_kv_visitor visitor, void* context) {
  STATOR_ASSERT(call->phase == Phase::kOpen);
  const EngineNumber number = call->engine->number;
  const std::string lower = store::engine_prefix(number);
  const std::string upper =
      store::engine_prefix(EngineNumber{static_cast<std::uint16_t>(number.value() + 1)});
  const std::set<TenantId>* dropped = call->host->dropped;
  const bool hides = dropped != nullptr && !dropped->empty();
  const auto walk = call->host->own_store().walk({lower, upper, false});
  store::Entry entry;
  store::StoredKey parts;
  while (walk->next(entry)) {
    if (!store::split_key(entry.key, parts) || parts.space != space) continue;
    if (hides && dropped->contains(parts.tenant)) continue;
    const stator_kv_entry lent = {lend(parts.key), lend(entry.value), entry.vshard.value(), 0};
    const stator_str collection = {parts.collection.data(), parts.collection.size()};
    const HeapScope heap(call->host->memory, parts.tenant);
    if (visitor(context, parts.tenant.value(), collection, &lent) != 0) return;
  }
}

}  // namespace

const stator_kv_service& kv_service() {
  static const stator_kv_service kService = {
      sizeof kService, 0, &get, &scan, &next, &put, &erase, &visit_all, &prefetch};
  return kService;
}

}  // namespace stator::host
