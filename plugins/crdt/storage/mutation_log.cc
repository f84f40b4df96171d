#include "storage/mutation_log.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "bounds.h"
#include "storage/keys.h"

namespace stator::crdt {
namespace {

std::uint64_t read_u64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

}  // namespace

MutationLog::MutationLog(std::string_view stored) {
  if (stored.size() % 16 != 0) throw std::runtime_error("a stored mutation log is damaged");
  for (; !stored.empty(); stored.remove_prefix(16)) {
    ranges_.push_back({read_u64(stored), read_u64(stored.substr(8))});
  }
}

bool MutationLog::has(std::uint64_t id) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), id,
                                      [](std::uint64_t v, const Range& r) { return v < r.first; });
  return after != ranges_.begin() && std::prev(after)->last >= id;
}

void MutationLog::add(std::uint64_t id) {
  if (has(id)) return;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), id,
                                [](std::uint64_t v, const Range& r) { return v < r.first; });
  const bool joins_left = after != ranges_.begin() && id != 0 && std::prev(after)->last == id - 1;
  const bool joins_right = after != ranges_.end() && id != kMax && after->first == id + 1;
  if (joins_left && joins_right) {
    std::prev(after)->last = after->last;
    ranges_.erase(after);
  } else if (joins_left) {
    std::prev(after)->last = id;
  } else if (joins_right) {
    after->first = id;
  } else {
    ranges_.insert(after, {id, id});
  }
  if (ranges_.size() > kMutationRangesMax) ranges_.erase(ranges_.begin());
}

std::string MutationLog::encode() const {
  std::string out;
  out.reserve(ranges_.size() * 16);
  for (const Range& range : ranges_) {
    append_big_endian(out, range.first);
    append_big_endian(out, range.last);
  }
  return out;
}

}  // namespace stator::crdt
