// Claims of a write: keys that must be nobody else's, each with the owner that takes or frees it
// (stator.records/1, docs/adr/0032). A task carries those of its request to the lanes that own the
// keys.
#pragma once

#include "base/byte_buffer.h"
#include "base/bytes.h"
#include "base/ids.h"

namespace stator::bridge {

// Views are lent by the list.
struct Claim {
  bool is_free = false;       // the owner gives it up
  bool names_owners = false;  // a refusal says who takes it and who has it
  std::uint8_t space = 0;
  VShardId vshard;         // of the key
  std::uint32_t item = 0;  // of a batch: the place of the op that claims
  EngineNumber engine;
  TenantId tenant;
  ByteView collection;
  ByteView key;
  ByteView owner;
  ByteView field;     // of a refusal
  ByteView sentence;  // of a refusal
};

void append_claim(ByteBuffer& list, const Claim& claim);

// Walks over what append_claim() wrote.
class ClaimCursor {
 public:
  explicit ClaimCursor(ByteView list) : rest_(list) {}
  bool next(Claim& claim);

 private:
  ByteView take(std::size_t bytes);
  template <class Number>
  Number take_number();
  ByteView take_text();
  ByteView rest_;
};

}  // namespace stator::bridge
