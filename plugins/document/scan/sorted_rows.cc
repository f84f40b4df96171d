#include "scan/sorted_rows.h"

namespace stator::document {

SortedMerger::SortedMerger(const Parts& parts, const SortOrder& order) : order_(order) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Lane lane{PartReader(parts[i]), {}, {}};
    if (advance(lane)) lanes_.push_back(lane);
  }
}

bool SortedMerger::advance(Lane& lane) {
  const bool has_row = lane.reader.next(lane.row);
  is_cut_ = is_cut_ || lane.reader.is_cut();
  return has_row && order_.unpack(lane.row.value, lane.values);
}

bool SortedMerger::next(PartRow& row) {
  if (lanes_.empty() || is_cut_) return false;
  std::size_t first = 0;
  for (std::size_t i = 1; i < lanes_.size(); ++i) {
    if (compare(lanes_[i], lanes_[first]) < 0) first = i;
  }
  const Lane given = lanes_[first];
  row = given.row;
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    const bool is_over = compare(*lane, given) == 0 && !advance(*lane);
    lane = is_over ? lanes_.erase(lane) : lane + 1;
  }
  return true;
}

}  // namespace stator::document
