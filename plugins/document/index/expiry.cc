#include "index/expiry.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "stator/filter/matches.hpp"

namespace stator::document {
namespace {

// Every whole number up to here is a double; some 285,000 years.
constexpr double kLastMs = 9'007'199'254'740'992.0;

bool find_time(const IndexDefinition& ttl, const Value& root, Value& time) {
  return find_path(root, ttl.paths.front(), time) && time.is_number() &&
         (ttl.program.empty() || filter::matches(ttl.program, root));
}

bool is_over(const IndexDefinition& ttl, const Value& root, std::uint64_t now_ms) {
  Value time;
  if (!find_time(ttl, root, time)) return false;
  Value limit;
  limit.tag = Tag::kInteger;
  limit.bits = now_ms - ttl.expire_after_ms;  // below zero where that is more
  return packed::compare_numbers(time, limit) <= 0;
}

double approximate(const Value& number) {
  switch (number.tag) {
    case Tag::kInteger:
      return static_cast<double>(number.integer());
    case Tag::kUnsigned:
      return static_cast<double>(number.bits);
    case Tag::kDouble:
      return std::ceil(number.floating());
    default:
      // Its double may lie below it.
      return std::ceil(std::strtod(std::string(number.content).c_str(), nullptr)) + 1;
  }
}

}  // namespace

bool is_over(const IndexDefinitions& indexes, const Value& root, std::uint64_t now_ms) {
  return std::any_of(indexes.begin(), indexes.end(), [&](const IndexDefinition& index) {
    return index.is_ttl() && index.is_kept() && is_over(index, root, now_ms);
  });
}

std::optional<std::uint64_t> over_at(const IndexDefinition& ttl, const Value& root) {
  Value time;
  if (!find_time(ttl, root, time)) return std::nullopt;
  const double at = approximate(time) + static_cast<double>(ttl.expire_after_ms);
  if (at > kLastMs) return std::nullopt;
  return at < 0 ? 0 : static_cast<std::uint64_t>(at);
}

}  // namespace stator::document
