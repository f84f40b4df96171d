#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace stator {
namespace {

constexpr std::size_t kNameBytesMax = 64;  // a longer "name" is not a typing error
constexpr std::size_t best_of(std::size_t name_bytes) { return name_bytes / 3 + 2; }

// Less than `limit`, or `limit`. The lengths differ by less than that.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  std::array<std::size_t, kNameBytesMax + best_of(kNameBytesMax) + 1> row;
  std::iota(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(b.size()) + 1, std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    std::size_t least = row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      least = std::min(least, row[j]);
    }
    if (least >= limit) return limit;  // what follows only adds to it
  }
  return std::min(row[b.size()], limit);
}

}  // namespace

Nearest::Nearest(std::string_view name)
    : name_(name), best_(name.size() > kNameBytesMax ? 0 : best_of(name.size())) {}

void Nearest::offer(std::string_view candidate) {
  const std::size_t longer = std::max(name_.size(), candidate.size());
  if (longer - std::min(name_.size(), candidate.size()) >= best_) return;
  const std::size_t distance = edit_distance(name_, candidate, best_);
  if (distance == best_) return;
  best_ = distance;
  found_ = candidate;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  Nearest nearest(name);
  for (const std::string& candidate : candidates) nearest.offer(candidate);
  return std::string(nearest.found());
}

}  // namespace stator
