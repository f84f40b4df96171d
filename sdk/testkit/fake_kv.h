// stator.kv/1 of the fake kernel.
#pragma once

#include <algorithm>
#include <string>

#include "fake_services.h"

namespace stator::testkit::detail {

inline int kv_get(stator_call* handle, std::uint8_t space, stator_bytes key, stator_bytes* value) {
  Call& call = of(handle);
  if (call.phase == Phase::kOpen) fault("kv.get in open: there is no collection; use visit_all");
  call.note_entry();
  if (key.size == 0 || key.size > STATOR_KV_KEY_BYTES_MAX) return 0;
  const auto& entries = call.store->entries;
  const std::string stored_key =
      key_prefix(call.tenant, call.collection, space) + std::string(view(key));
  if (std::erase(call.ahead, stored_key) != 0) ++call.store->gets_ahead;
  const auto at = entries.find(stored_key);
  if (at == entries.end()) return 0;
  const std::string& stored = at->second.value;
  auto* copy = static_cast<char*>(mem_allocate(handle, stored.size(), 1));
  std::copy(stored.begin(), stored.end(), copy);
  *value = lend({copy, stored.size()});
  return 1;
}

// Nothing is slow here: it is counted whether get is called for the keys.
inline void kv_prefetch(stator_call* handle, std::uint8_t space, const stator_bytes* keys,
                        std::uint64_t count) {
  Call& call = of(handle);
  if (call.phase == Phase::kOpen) fault("kv.prefetch in open: there is no collection");
  call.ahead.clear();
  for (std::uint64_t i = 0; i < count && i < STATOR_KV_PREFETCH_KEYS; ++i) {
    call.ahead.push_back(key_prefix(call.tenant, call.collection, space) +
                         std::string(view(keys[i])));
  }
  call.store->keys_ahead += call.ahead.size();
}

inline stator_kv_cursor* kv_scan(stator_call* handle, std::uint8_t space, stator_bytes lower,
                                 stator_bytes upper, int reverse) {
  Call& call = of(handle);
  if (call.phase == Phase::kOpen) fault("kv.scan in open: there is no collection; use visit_all");
  if (call.cursors.size() == kCursorsMax) fault("more than 16 cursors in one call");
  if (std::max(lower.size, upper.size) > STATOR_KV_KEY_BYTES_MAX) fault("kv.scan: bound too long");
  Cursor cursor;
  cursor.call = &call;
  cursor.writes = call.store->writes;
  cursor.prefix = key_prefix(call.tenant, call.collection, space);
  cursor.is_reverse = reverse != 0;
  const std::string from = cursor.prefix + std::string(view(lower));
  std::string to = cursor.prefix + std::string(view(upper));
  if (upper.size == 0) {
    // The first key behind the space: bytes of 0xff carry over; the NUL before them stops that.
    while (static_cast<std::uint8_t>(to.back()) == 0xff) to.pop_back();
    to.back() = static_cast<char>(to.back() + 1);
  }
  const auto& entries = call.store->entries;
  const auto first = entries.lower_bound(from);
  const auto last = from < to ? entries.lower_bound(to) : first;
  cursor.at = cursor.is_reverse ? last : first;
  cursor.end = cursor.is_reverse ? first : last;
  call.cursors.push_back(std::move(cursor));
  return reinterpret_cast<stator_kv_cursor*>(&call.cursors.back());
}

inline int kv_next(stator_kv_cursor* handle, stator_kv_entry* out) {
  Cursor& cursor = *reinterpret_cast<Cursor*>(handle);
  if (cursor.writes != cursor.call->store->writes) fault("a cursor used after a write");
  cursor.call->note_entry();
  if (cursor.at == cursor.end) return 0;
  if (cursor.is_reverse) --cursor.at;
  cursor.key = cursor.at->first.substr(cursor.prefix.size());
  cursor.value = cursor.at->second.value;
  *out = {lend(cursor.key), lend(cursor.value), cursor.at->second.vshard, 0};
  if (!cursor.is_reverse) ++cursor.at;
  return 1;
}

inline void kv_put(stator_call* handle, std::uint8_t space, std::uint32_t vshard, stator_bytes key,
                   stator_bytes value) {
  Call& call = of(handle);
  if (call.phase != Phase::kApply) fault("kv.put outside apply");
  if (key.size == 0 || key.size > STATOR_KV_KEY_BYTES_MAX) {
    fault("kv.put: a key of " + std::to_string(key.size) + " bytes; 1..360 are allowed");
  }
  if (value.size > STATOR_KV_VALUE_BYTES_MAX) fault("kv.put: a value over 64 MiB");
  if (vshard != STATOR_VSHARD_EVERY && (vshard >= kVShards || vshard % call.lanes != call.lane)) {
    fault("kv.put: vshard " + std::to_string(vshard) + " is not of lane " +
          std::to_string(call.lane));
  }
  ++call.store->writes;
  call.ahead.clear();
  std::string stored = key_prefix(call.tenant, call.collection, space) + std::string(view(key));
  call.store->entries.insert_or_assign(std::move(stored), Entry{std::string(view(value)), vshard});
}

inline void kv_erase(stator_call* handle, std::uint8_t space, stator_bytes key) {
  Call& call = of(handle);
  if (call.phase != Phase::kApply) fault("kv.erase outside apply");
  ++call.store->writes;
  call.ahead.clear();
  call.store->entries.erase(key_prefix(call.tenant, call.collection, space) +
                            std::string(view(key)));
}

inline void kv_visit_all(stator_call* handle, std::uint8_t space, stator_kv_visitor visitor,
                         void* context) {
  Call& call = of(handle);
  if (call.phase != Phase::kOpen) fault("kv.visit_all outside open");
  for (const auto& [stored, entry] : call.store->entries) {
    const KeyParts parts = split_key(stored);
    if (parts.space != space) continue;
    const stator_kv_entry lent = {lend(parts.key), lend(entry.value), entry.vshard, 0};
    const stator_str collection = {parts.collection.data(), parts.collection.size()};
    if (visitor(context, parts.tenant, collection, &lent) != 0) return;
  }
}

}  // namespace stator::testkit::detail
