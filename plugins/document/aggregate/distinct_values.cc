#include "aggregate/distinct_values.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "aggregate/part_bytes.h"
#include "aggregate/value_hash.h"

namespace stator::document {
namespace {

constexpr std::size_t kSlotsMin = 8;

}  // namespace

void DistinctValues::add(const Value& value) {
  const HashedValue one{hash_of(value), value.bytes};
  if (one.hash < from_ || (is_cut_ && one.hash >= cut_)) return;
  if (slots_.empty()) slots_.resize(kSlotsMin);
  if (find(one).size > 0) return;
  insert(one);
  if (count_ * 2 > slots_.size()) rebuild(slots_.size() * 2);
}

DistinctValues::Slot& DistinctValues::find(const HashedValue& value) {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15U;  // hashes that are kept begin alike
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = (value.hash * kSpread) >> 32U;; ++i) {
    Slot& slot = slots_[i & mask];
    const bool is_it = slot.size == 0 ||
                       (slot.hash == value.hash &&
                        compare_values(read_value(bytes_of(slot)), read_value(value.bytes)) == 0);
    if (is_it) return slot;
  }
}

void DistinctValues::insert(const HashedValue& value) {
  find(value) = {value.hash, static_cast<std::uint32_t>(values_.size()),
                 static_cast<std::uint32_t>(value.bytes.size())};
  ++count_;
  // By quarters: what is reserved is memory, too.
  const std::size_t needed = values_.size() + value.bytes.size();
  if (needed > values_.capacity()) values_.reserve(std::max(needed, values_.size() / 4 * 5));
  values_.append(value.bytes);
}

void DistinctValues::rebuild(std::size_t slots) {
  const std::vector<Slot> old_slots = std::exchange(slots_, std::vector<Slot>(slots));
  const std::string old_values = std::exchange(values_, {});
  count_ = 0;
  for (const Slot& slot : old_slots) {
    if (slot.size == 0 || (is_cut_ && slot.hash >= cut_)) continue;
    insert({slot.hash, std::string_view(old_values).substr(slot.offset, slot.size)});
  }
}

bool DistinctValues::drop_last() {
  std::vector<std::uint64_t> hashes;
  for (const Slot& slot : slots_) {
    if (slot.size > 0) hashes.push_back(slot.hash);
  }
  if (hashes.empty()) return false;
  std::sort(hashes.begin(), hashes.end());
  // Of one hash all stay or all go, and some must stay.
  const auto cut = std::max(hashes.begin() + static_cast<std::ptrdiff_t>(hashes.size() / 8 * 7),
                            std::upper_bound(hashes.begin(), hashes.end(), hashes.front()));
  if (cut == hashes.end()) return false;
  is_cut_ = true;
  cut_ = *cut;
  const auto kept = static_cast<std::size_t>(cut - hashes.begin());
  rebuild(std::max(kSlotsMin, std::bit_ceil(kept * 2)));
  return true;
}

void DistinctValues::save(std::string& out) const {
  append_part(out, is_cut_);
  append_part(out, cut_);
  std::vector<HashedValue> sorted;
  for (const Slot& slot : slots_) {
    if (slot.size > 0) sorted.push_back({slot.hash, bytes_of(slot)});
  }
  std::sort(sorted.begin(), sorted.end(), is_before);
  std::string values;
  for (const HashedValue& value : sorted) {
    append_part(values, value.hash);
    append_part_text(values, value.bytes);
  }
  append_part(out, static_cast<std::uint64_t>(values.size()));
  out.append(values);
}

bool DistinctUnion::add(std::string_view& bytes) {
  bool is_cut = false;
  std::uint64_t cut = 0;
  std::uint64_t size = 0;
  if (!take_part(bytes, is_cut) || !take_part(bytes, cut) || !take_part(bytes, size) ||
      bytes.size() < size) {
    return false;
  }
  Lane lane{bytes.substr(0, size), {}};
  bytes.remove_prefix(size);
  if (is_cut) cut_ = is_cut_ ? std::min(cut_, cut) : cut;
  is_cut_ = is_cut_ || is_cut;
  if (!advance(lane)) return !is_damaged_;
  lanes_.push_back(lane);
  std::push_heap(lanes_.begin(), lanes_.end(), Behind());
  return true;
}

bool DistinctUnion::advance(Lane& lane) {
  if (lane.rest.empty()) return false;
  is_damaged_ = is_damaged_ || !take_part(lane.rest, lane.value.hash) ||
                !take_part_text(lane.rest, lane.value.bytes);
  return !is_damaged_;
}

DistinctUnion::Step DistinctUnion::step() {
  if (lanes_.empty() || is_damaged_) return Step::kEnd;
  std::pop_heap(lanes_.begin(), lanes_.end(), Behind());
  Lane& lane = lanes_.back();
  const HashedValue value = lane.value;
  if (is_cut_ && value.hash >= cut_) return Step::kEnd;
  const bool is_new = !has_last_ || is_before(last_, value);
  has_last_ = true;
  last_ = value;
  if (advance(lane)) {
    std::push_heap(lanes_.begin(), lanes_.end(), Behind());
  } else {
    lanes_.pop_back();
  }
  return is_new ? Step::kNew : Step::kSame;
}

}  // namespace stator::document
