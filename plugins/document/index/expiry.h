// When documents are over, by the TTL indexes of their collection. A document is over when the
// number at such an index's path, plus the index's expire_after_ms, is not above the time (Unix
// milliseconds); one without a number there, or that the index's `where` does not select, never.
#pragma once

#include <cstdint>
#include <optional>

#include "index/index_catalog.h"
#include "packed_json.h"

namespace stator::document {

// By any of these that is a TTL index.
bool is_over(const IndexDefinitions& indexes, const Value& root, std::uint64_t now_ms);
// The first millisecond in which it is; none: never, or not in this age of the world.
std::optional<std::uint64_t> over_at(const IndexDefinition& ttl, const Value& root);

}  // namespace stator::document
