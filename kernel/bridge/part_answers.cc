#include "bridge/part_answers.h"

#include <string>

#include "base/assert.h"
#include "base/limits.h"

namespace stator::bridge {
namespace {

std::uint32_t take_number(ByteView& from) {
  STATOR_ASSERT(from.size() >= 4);
  const auto number = load_little<std::uint32_t>(from.data());
  from.remove_prefix(4);
  return number;
}

void append_number(ByteBuffer& to, std::size_t number) {
  char raw[4];
  store_little(raw, static_cast<std::uint32_t>(number));
  to.append(ByteView(raw, sizeof raw));
}

}  // namespace

Status write_part_answers(Task& round) {
  for (const Task* item : round.items) {
    append_number(round.payload, item->payload.size());
    append_number(round.payload, item->lsn_at.size());
    for (const LsnPlace& place : item->lsn_at) append_number(round.payload, place.at);
    round.payload.append(item->payload.view());
  }
  if (round.payload.size() <= kPayloadBytesMax) return ok_status();
  return Error(ErrorCode::kResourcesExhausted, "idempotency_key",
               "the answer is too large to be kept for a repeat");
}

void read_part_answers(ByteView kept, Lsn lsn, Task& item) {
  const std::string digits = std::to_string(lsn.value());
  while (!kept.empty()) {
    const std::uint32_t bytes = take_number(kept);
    std::uint32_t copied = 0;
    std::vector<std::uint32_t> places(take_number(kept));
    for (std::uint32_t& place : places) place = take_number(kept);
    STATOR_ASSERT(kept.size() >= bytes);
    for (const std::uint32_t place : places) {
      STATOR_ASSERT(place >= copied && place <= bytes);
      item.payload.append(kept.substr(copied, place - copied));
      item.payload.append(digits);
      copied = place;
    }
    item.payload.append(kept.substr(copied, bytes - copied));
    kept.remove_prefix(bytes);
    item.frame_ends.push_back(static_cast<std::uint32_t>(item.payload.size()));
  }
}

}  // namespace stator::bridge
