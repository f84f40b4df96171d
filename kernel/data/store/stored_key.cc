#include "data/store/stored_key.h"

#include <cstring>
#include <limits>

#include "base/assert.h"

namespace stator::store {
namespace {

constexpr std::uint8_t kLongNumber = 240;
constexpr std::uint8_t kShortCollectionByte = 0xff;
static_assert(kCollectionBytesMax < kShortCollectionByte);

char* write_number(char* to, std::uint32_t number) {
  if (number < kLongNumber) {
    *to++ = static_cast<char>(number);
    return to;
  }
  unsigned bytes = 1;
  while (bytes < sizeof number && number >> (8 * bytes) != 0) ++bytes;
  *to++ = static_cast<char>(kLongNumber + bytes - 1);
  for (unsigned i = bytes; i-- > 0;) *to++ = static_cast<char>(number >> (8 * i));
  return to;
}

bool take_byte(ByteView& rest, std::uint8_t& byte) {
  if (rest.empty()) return false;
  byte = static_cast<std::uint8_t>(rest.front());
  rest.remove_prefix(1);
  return true;
}

bool take_number(ByteView& rest, std::uint32_t& number) {
  std::uint8_t first = 0;
  if (!take_byte(rest, first)) return false;
  number = first;
  if (first < kLongNumber) return true;
  const std::size_t bytes = first - kLongNumber + std::size_t{1};
  if (bytes > sizeof number || rest.size() < bytes) return false;
  number = 0;
  for (const char byte : rest.substr(0, bytes))
    number = number << 8 | static_cast<std::uint8_t>(byte);
  rest.remove_prefix(bytes);
  return true;
}

// Collection, space and key, where `name_bytes` say how long the collection's name is.
bool take_names(ByteView rest, std::size_t name_bytes, StoredKey& parts) {
  if (rest.size() < name_bytes + 1) return false;
  parts.collection = rest.substr(0, name_bytes);
  parts.space = static_cast<std::uint8_t>(rest[name_bytes]);
  parts.key = rest.substr(name_bytes + 1);
  return true;
}

}  // namespace

std::size_t write_owner(char* to, EngineNumber engine, TenantId tenant) {
  return static_cast<std::size_t>(write_number(write_number(to, engine.value()), tenant.value()) -
                                  to);
}

std::size_t write_prefix(char* to, EngineNumber engine, TenantId tenant, ByteView collection) {
  STATOR_ASSERT(collection.size() <= kCollectionBytesMax);
  char* at = to + write_owner(to, engine, tenant);
  if (collection == kShortCollection) {
    *at++ = static_cast<char>(kShortCollectionByte);
  } else {
    *at++ = static_cast<char>(collection.size());
    if (!collection.empty()) std::memcpy(at, collection.data(), collection.size());
    at += collection.size();
  }
  return static_cast<std::size_t>(at - to);
}

std::string engine_prefix(EngineNumber engine) {
  char room[kPrefixBytesMax];
  return {room, static_cast<std::size_t>(write_number(room, engine.value()) - room)};
}

bool split_key(ByteView stored, StoredKey& parts) {
  std::uint32_t engine = 0;
  std::uint32_t tenant = 0;
  std::uint8_t bytes = 0;
  if (!take_number(stored, engine) || !take_number(stored, tenant) || !take_byte(stored, bytes))
    return false;
  if (engine > std::numeric_limits<std::uint16_t>::max()) return false;
  parts.engine = EngineNumber{static_cast<std::uint16_t>(engine)};
  parts.tenant = TenantId{tenant};
  if (bytes != kShortCollectionByte)
    return bytes <= kCollectionBytesMax && take_names(stored, bytes, parts);
  if (!take_names(stored, 0, parts)) return false;
  parts.collection = kShortCollection;
  return true;
}

std::uint32_t tenant_of(ByteView stored) {
  std::uint32_t engine = 0;
  std::uint32_t tenant = 0;
  return take_number(stored, engine) && take_number(stored, tenant) ? tenant : 0;
}

void append_long_key(std::string& to, const StoredKey& parts) {
  char raw[7];
  store_big16(raw, parts.engine.value());
  store_big32(raw + 2, parts.tenant.value());
  raw[6] = static_cast<char>(parts.collection.size());
  to.append(raw, sizeof raw).append(parts.collection);
  to.push_back(static_cast<char>(parts.space));
  to.append(parts.key);
}

bool split_long_key(ByteView stored, StoredKey& parts) {
  if (stored.size() < 7) return false;
  parts.engine = EngineNumber{load_big16(stored.data())};
  parts.tenant = TenantId{load_big32(stored.data() + 2)};
  const auto bytes = static_cast<std::uint8_t>(stored[6]);
  return bytes <= kCollectionBytesMax && take_names(stored.substr(7), bytes, parts);
}

}  // namespace stator::store
