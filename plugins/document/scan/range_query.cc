#include "scan/range_query.h"

#include <algorithm>

#include "index/index_key.h"
#include "packed_json.h"

namespace stator::document {
namespace {

std::string lowest_key(const std::string& prefix, const Bound& lower, std::size_t room) {
  const IndexValue coded = encode_index_value(lower.value(), room);
  // A complete value is known from its bytes: an exclusive range begins behind all its keys.
  const bool skips = !coded.is_cut && !lower.is_inclusive();
  return skips ? successor(prefix + coded.bytes) : prefix + coded.bytes;
}

std::string highest_key(const std::string& prefix, const Bound& upper, std::size_t room) {
  const IndexValue coded = encode_index_value(upper.value(), room);
  const bool stops = !coded.is_cut && !upper.is_inclusive();
  return stops ? prefix + coded.bytes : successor(prefix + coded.bytes);
}

}  // namespace

bool RangeQuery::contains(const Value& value) const {
  if (lower) {
    const Value bound = lower->value();
    if (type_class(bound) != type_class(value)) return false;
    const int sign = compare_values(value, bound);
    if (sign < 0 || (sign == 0 && !lower->is_inclusive())) return false;
  }
  if (upper) {
    const Value bound = upper->value();
    if (type_class(bound) != type_class(value)) return false;
    const int sign = compare_values(value, bound);
    if (sign > 0 || (sign == 0 && !upper->is_inclusive())) return false;
  }
  return true;
}

KeyRange RangeQuery::key_range(const IndexDefinition& index) const {
  const std::string prefix = index_prefix(index);
  if (!lower && !upper) return {prefix, successor(prefix)};
  const std::size_t room = index_value_room(index);
  const TypeBytes type = type_bytes(lower ? lower->value() : upper->value());
  return {lower ? lowest_key(prefix, *lower, room) : prefix + type.begin,
          upper ? highest_key(prefix, *upper, room) : prefix + type.end};
}

KeyRange RangeQuery::behind_position(const IndexDefinition& index, KeyRange range) const {
  if (!after) return range;
  const std::string key =
      index_prefix(index) + encode_index_value(after->value, index_value_room(index)).bytes;
  if (order == RowOrder::kDescending) {
    range.upper = std::min(range.upper, successor(key));
  } else {
    range.lower = std::max(range.lower, key);
  }
  return range;
}

}  // namespace stator::document
