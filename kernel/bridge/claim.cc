#include "bridge/claim.h"

#include "base/assert.h"

namespace stator::bridge {
namespace {

constexpr std::uint8_t kFree = 1;
constexpr std::uint8_t kNamesOwners = 2;

template <class Number>
void append_number(ByteBuffer& list, Number value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  list.append({raw, sizeof raw});
}

void append_text(ByteBuffer& list, ByteView text) {
  append_number(list, static_cast<std::uint16_t>(text.size()));
  list.append(text);
}

}  // namespace

void append_claim(ByteBuffer& list, const Claim& claim) {
  append_number(list, static_cast<std::uint8_t>((claim.is_free ? kFree : 0) |
                                                (claim.names_owners ? kNamesOwners : 0)));
  append_number(list, claim.space);
  append_number(list, static_cast<std::uint16_t>(claim.vshard.value()));
  append_number(list, claim.item);
  append_number(list, static_cast<std::uint16_t>(claim.engine.value()));
  append_number(list, static_cast<std::uint32_t>(claim.tenant.value()));
  for (const ByteView text :
       {claim.collection, claim.key, claim.owner, claim.field, claim.sentence}) {
    append_text(list, text);
  }
}

ByteView ClaimCursor::take(std::size_t bytes) {
  STATOR_ASSERT(bytes <= rest_.size());
  const ByteView taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

template <class Number>
Number ClaimCursor::take_number() {
  Number value;
  std::memcpy(&value, take(sizeof value).data(), sizeof value);
  return value;
}

ByteView ClaimCursor::take_text() { return take(take_number<std::uint16_t>()); }

bool ClaimCursor::next(Claim& claim) {
  if (rest_.empty()) return false;
  const auto flags = take_number<std::uint8_t>();
  claim.is_free = (flags & kFree) != 0;
  claim.names_owners = (flags & kNamesOwners) != 0;
  claim.space = take_number<std::uint8_t>();
  claim.vshard = VShardId{take_number<std::uint16_t>()};
  claim.item = take_number<std::uint32_t>();
  claim.engine = EngineNumber{take_number<std::uint16_t>()};
  claim.tenant = TenantId{take_number<std::uint32_t>()};
  for (ByteView* text :
       {&claim.collection, &claim.key, &claim.owner, &claim.field, &claim.sentence}) {
    *text = take_text();
  }
  return true;
}

}  // namespace stator::bridge
