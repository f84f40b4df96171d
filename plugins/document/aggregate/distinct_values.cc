#include "aggregate/distinct_values.h"

#include <algorithm>
#include <iterator>

#include "aggregate/part_bytes.h"
#include "aggregate/value_hash.h"

namespace stator::document {
namespace {

constexpr std::size_t kNodeBytes = 72;  // of a set's element beside its text

}  // namespace

void DistinctValues::add(const Value& value) {
  const HashedValue<std::string_view> one{hash_of(value), value.bytes};
  if (one.hash < from_ || (is_cut_ && one.hash >= cut_) || values_.contains(one)) return;
  values_.insert({one.hash, std::string(one.bytes)});
  bytes_ += one.bytes.size() + kNodeBytes;
}

bool DistinctValues::drop_last() {
  if (values_.empty() || values_.begin()->hash == values_.rbegin()->hash) return false;
  is_cut_ = true;
  cut_ = values_.rbegin()->hash;
  while (values_.rbegin()->hash == cut_) {
    const auto last = std::prev(values_.end());
    bytes_ -= last->bytes.size() + kNodeBytes;
    values_.erase(last);
  }
  return true;
}

void DistinctValues::save(std::string& out) const {
  append_part(out, is_cut_);
  append_part(out, cut_);
  std::string values;
  for (const auto& value : values_) {
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
  const HashedValue<std::string_view> value = lane.value;
  if (is_cut_ && value.hash >= cut_) return Step::kEnd;
  const bool is_new = !has_last_ || HashedBefore()(last_, value);
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
