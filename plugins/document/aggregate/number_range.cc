#include "aggregate/number_range.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "aggregate/part_bytes.h"

namespace stator::document {
namespace {

constexpr std::uint64_t kStretchBits = 13;
constexpr std::size_t kStretches = std::size_t{1} << kStretchBits;
constexpr std::size_t kCountsBytes = kStretches * sizeof(std::uint64_t);
constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;

// Where a number stands among all doubles.
std::uint64_t place_of(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double number_at(std::uint64_t place) {
  return std::bit_cast<double>((place & kSign) != 0 ? place & ~kSign : ~place);
}

std::uint64_t prefix_of(std::uint64_t place, std::uint64_t shift) {
  return shift >= PlaceRange::kAllBits ? 0 : place >> shift;
}

// Of the ranges of the next pass; 0: each is one number.
std::uint64_t next_shift(std::uint64_t shift) {
  return shift > kStretchBits ? shift - kStretchBits : 0;
}

}  // namespace

bool PlaceRange::is_valid() const {
  if (shift == kAllBits) return prefix == 0;
  std::uint64_t known = kAllBits;
  while (known > shift) known = next_shift(known);
  return shift > 0 && known == shift && prefix <= prefix_of(~std::uint64_t{0}, shift);
}

void NumberRange::add(double number) {
  number += 0.0;  // -0 is 0
  const std::uint64_t prefix = prefix_of(place_of(number), range_.shift);
  if (prefix < range_.prefix) {
    under_ = below_ == 0 ? number : std::max(under_, number);
    ++below_;
  } else if (prefix > range_.prefix) {
    over_ = above_ == 0 ? number : std::min(over_, number);
    ++above_;
  } else {
    keep(number);
  }
}

void NumberRange::keep(double number) {
  ++inside_;
  if (!counts_.empty()) return count(number);
  numbers_.push_back(number);
  bytes_ += sizeof number;
}

void NumberRange::count(double number) {
  ++counts_[(place_of(number) >> next_shift(range_.shift)) % kStretches];
}

void NumberRange::count_all() {
  counts_.resize(kStretches);
  for (const double number : numbers_) count(number);
  std::vector<double>().swap(numbers_);
  bytes_ = kCountsBytes;
}

bool NumberRange::fold() {
  if (bytes_ <= kCountsBytes) return false;
  count_all();
  return true;
}

void NumberRange::save(std::string& out) const {
  for (const std::uint64_t count : {below_, inside_, above_}) append_part(out, count);
  append_part(out, under_);
  append_part(out, over_);
  append_part(out, !counts_.empty());
  for (const double number : numbers_) append_part(out, number);
  for (const std::uint64_t count : counts_) append_part(out, count);
}

bool NumberRange::merge(std::string_view& bytes) {
  std::uint64_t below = 0;
  std::uint64_t inside = 0;
  std::uint64_t above = 0;
  double under = 0;
  double over = 0;
  bool has_counts = false;
  if (!take_part(bytes, below) || !take_part(bytes, inside) || !take_part(bytes, above) ||
      !take_part(bytes, under) || !take_part(bytes, over) || !take_part(bytes, has_counts)) {
    return false;
  }
  if (below > 0) under_ = below_ == 0 ? under : std::max(under_, under);
  if (above > 0) over_ = above_ == 0 ? over : std::min(over_, over);
  below_ += below;
  above_ += above;
  return has_counts ? merge_counts(inside, bytes) : merge_numbers(inside, bytes);
}

bool NumberRange::merge_counts(std::uint64_t inside, std::string_view& bytes) {
  if (counts_.empty()) count_all();
  inside_ += inside;
  for (std::uint64_t& count : counts_) {
    std::uint64_t more = 0;
    if (!take_part(bytes, more)) return false;
    count += more;
  }
  return true;
}

bool NumberRange::merge_numbers(std::uint64_t inside, std::string_view& bytes) {
  for (; inside > 0; --inside) {
    double number = 0;
    if (!take_part(bytes, number)) return false;
    keep(number);
  }
  return true;
}

bool NumberRange::find(double fraction, double& number, PlaceRange& next) {
  const double place = fraction * static_cast<double>(below_ + inside_ + above_ - 1);
  auto rank = static_cast<std::uint64_t>(place);
  double share = place - std::floor(place);
  // Only where documents were written since the range was chosen: the nearest that is in it.
  if (inside_ > 0 && (rank < below_ || rank - below_ >= inside_)) {
    rank = rank < below_ ? below_ : below_ + inside_ - 1;
    share = 0;
  }
  if (!find_rank(rank, number, next)) return false;
  // Without a share of it the neighbour is not asked: it may be infinite.
  if (share == 0) return true;
  double above = 0;
  if (!find_rank(rank + 1, above, next)) return false;
  number = std::lerp(number, above, share);
  return true;
}

bool NumberRange::find_rank(std::uint64_t rank, double& number, PlaceRange& next) {
  if (rank < below_ || rank - below_ >= inside_) {
    number = rank < below_ ? under_ : over_;
    return true;
  }
  rank -= below_;
  if (counts_.empty()) {
    const auto wanted = numbers_.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(numbers_.begin(), wanted, numbers_.end());
    number = *wanted;
    return true;
  }
  std::uint64_t stretch = 0;
  for (; stretch + 1 < kStretches && rank >= counts_[stretch]; ++stretch) rank -= counts_[stretch];
  const std::uint64_t shift = next_shift(range_.shift);
  const std::uint64_t bits = range_.shift - shift;
  const std::uint64_t within = stretch & ((std::uint64_t{1} << bits) - 1);
  next = {(range_.prefix << bits) | within, shift};
  if (shift > 0) return false;
  number = number_at(next.prefix);
  return true;
}

}  // namespace stator::document
