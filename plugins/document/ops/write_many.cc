#include "ops/write_many.h"

#include <algorithm>
#include <cstring>

namespace stator::document {

Status WriteManyShare::begin(const DocumentEngine& engine, std::uint64_t limit, bool is_shared,
                             Reply& reply) {
  if (limit < engine.lane_count()) {
    return reply.fail(STATOR_E_BAD_REQUEST, "limit",
                      "'limit' must be at least the number of the server's lanes");
  }
  if (is_shared) bytes_max_ /= engine.lane_count();
  left_ = limit / engine.lane_count() + (engine.lane() < limit % engine.lane_count() ? 1 : 0);
  return STATOR_OK;
}

bool WriteManyShare::take(std::size_t record_bytes) {
  // One document always fits, so a repeated request makes progress.
  const bool is_full = left_ == 0 || (part_.affected > 0 && bytes_ + record_bytes > bytes_max_);
  if (is_full) {
    part_.has_more = 1;
    return false;
  }
  --left_;
  bytes_ += record_bytes;
  ++part_.affected;
  return true;
}

void WriteManyShare::finish(Reply& reply) const {
  reply.set_binary();
  reply.write({reinterpret_cast<const char*>(&part_), sizeof part_});
}

Status merge_write_many(const Parts& parts, Reply& reply) {
  WriteManyPart total;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    WriteManyPart part;
    std::memcpy(&part, parts[i].data(), std::min(parts[i].size(), sizeof part));
    total.affected += part.affected;
    total.has_more |= part.has_more;
  }
  json::Writer writer = reply.json();
  writer.begin_object()
      .field("affected", total.affected)
      .field("more", total.has_more != 0)
      .end_object();
  return STATOR_OK;
}

}  // namespace stator::document
