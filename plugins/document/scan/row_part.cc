#include "scan/row_part.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "packed_json.h"

namespace stator::document {
namespace {

using RowSizes = std::array<std::uint32_t, 3>;

std::string_view take(std::string_view& rest, std::size_t size) {
  const std::string_view taken = rest.substr(0, size);
  rest.remove_prefix(taken.size());
  return taken;
}

}  // namespace

PartWriter::PartWriter(Reply& reply, bool is_indexed) : reply_(reply) {
  reply_.set_binary();
  reply_.write(is_indexed ? std::string_view("\x01", 1) : std::string_view("\x00", 1));
}

void PartWriter::add(const PartRow& row) {
  const RowSizes sizes = {static_cast<std::uint32_t>(row.document_id.size()),
                          static_cast<std::uint32_t>(row.value.size()),
                          static_cast<std::uint32_t>(row.data.size())};
  reply_.write({reinterpret_cast<const char*>(sizes.data()), sizeof sizes});
  reply_.write(row.document_id);
  reply_.write(row.value);
  reply_.write(row.data);
}

int compare_rows(RowOrder order, const RowKey& a, const RowKey& b) {
  int result = order == RowOrder::kByDocument ? 0 : compare_values(a.value, b.value);
  if (result == 0) result = a.document_id.compare(b.document_id);
  return order == RowOrder::kDescending ? -result : result;
}

RowMerger::RowMerger(const Parts& parts, RowOrder order) : order_(order) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Lane lane{parts[i], {}, {}};
    const bool lane_is_indexed = take(lane.rest, 1) == std::string_view("\x01", 1);
    is_indexed_ = is_indexed_ && lane_is_indexed;
    if (advance(lane)) lanes_.push_back(lane);
  }
}

bool RowMerger::next(PartRow& row) {
  if (lanes_.empty()) return false;
  std::size_t first = 0;
  for (std::size_t i = 1; i < lanes_.size(); ++i) {
    const Lane& a = lanes_[i];
    const Lane& b = lanes_[first];
    const RowKey left{a.value, a.row.document_id};
    if (compare_rows(order_, left, {b.value, b.row.document_id}) < 0) first = i;
  }
  row = lanes_[first].row;
  if (!advance(lanes_[first])) lanes_.erase(lanes_.begin() + static_cast<std::ptrdiff_t>(first));
  return true;
}

bool RowMerger::advance(Lane& lane) {
  RowSizes sizes{};
  if (lane.rest.size() < sizeof sizes) return false;
  std::memcpy(sizes.data(), take(lane.rest, sizeof sizes).data(), sizeof sizes);
  lane.row.document_id = take(lane.rest, sizes[0]);
  lane.row.value = take(lane.rest, sizes[1]);
  lane.row.data = take(lane.rest, sizes[2]);
  lane.value = read_value(lane.row.value);
  return true;
}

}  // namespace stator::document
