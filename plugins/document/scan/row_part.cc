#include "scan/row_part.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "packed_json.h"

namespace stator::document {
namespace {

using RowSizes = std::array<std::uint32_t, 3>;
constexpr RowSizes kCut = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

std::string_view take(std::string_view& rest, std::size_t size) {
  const std::string_view taken = rest.substr(0, size);
  rest.remove_prefix(taken.size());
  return taken;
}

}  // namespace

bool is_page_full(const Reply& reply, std::size_t row_bytes_max) {
  constexpr std::size_t kNamesBytes = 64;  // of a row's members; an answer without rows is smaller
  return reply.size() > kNamesBytes && reply.size() + kNamesBytes + row_bytes_max > kPageBytesMax;
}

PartWriter::PartWriter(Reply& reply, bool is_indexed, std::uint64_t limit)
    : reply_(reply), left_(limit) {
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
  left_ -= left_ > 0 ? 1 : 0;
}

bool PartWriter::add_to_page(const PartRow& row) {
  const std::size_t bytes =
      sizeof(RowSizes) + row.document_id.size() + row.value.size() + row.data.size();
  if (bytes_ > 0 && bytes_ + bytes > kPageBytesMax) {
    reply_.write({reinterpret_cast<const char*>(kCut.data()), sizeof kCut});
    return false;
  }
  bytes_ += bytes;
  add(row);
  return true;
}

PartReader::PartReader(std::string_view part) : rest_(part) {
  is_indexed_ = take(rest_, 1) == std::string_view("\x01", 1);
}

bool PartReader::next(PartRow& row) {
  RowSizes sizes{};
  if (rest_.size() < sizeof sizes) return false;
  std::memcpy(sizes.data(), take(rest_, sizeof sizes).data(), sizeof sizes);
  is_cut_ = sizes == kCut;
  if (is_cut_) return false;
  row.document_id = take(rest_, sizes[0]);
  row.value = take(rest_, sizes[1]);
  row.data = take(rest_, sizes[2]);
  return true;
}

int compare_rows(RowOrder order, const RowKey& a, const RowKey& b) {
  int result = order == RowOrder::kByDocument ? 0 : compare_values(a.value, b.value);
  if (result == 0) result = a.document_id.compare(b.document_id);
  return order == RowOrder::kDescending ? -result : result;
}

RowMerger::RowMerger(const Parts& parts, RowOrder order) : order_(order) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Lane lane{PartReader(parts[i]), {}, {}};
    is_indexed_ = is_indexed_ && lane.reader.is_indexed();
    if (advance(lane)) lanes_.push_back(lane);
  }
}

bool RowMerger::next(PartRow& row) {
  if (lanes_.empty() || is_cut_) return false;
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
  if (!lane.reader.next(lane.row)) {
    is_cut_ = is_cut_ || lane.reader.is_cut();
    return false;
  }
  lane.value = read_value(lane.row.value);
  return true;
}

}  // namespace stator::document
