#include "collection/collection.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace stator::vector {
namespace {

std::size_t lines_of(const Rule& rule) { return (rule.dim + kLineFloats - 1) / kLineFloats; }

// Turns the vector at the start of zeroed or reused lines into its search form.
void write_row(const Rule& rule, const char* values, float* row) {
  std::memcpy(row, values, rule.dim * sizeof(float));
  if (rule.metric != Metric::kCosine) return;
  const double norm = std::sqrt(squared_norm({row, rule.dim}));
  for (std::uint32_t i = 0; i < rule.dim; ++i) row[i] = static_cast<float>(row[i] / norm);
}

// Below a quarter of what it has room for a vector gives half of that back: so that what is freed
// is free for others, and copying costs each erased element a little.
template <class Vector>
void give_back(Vector& elements) {
  if (elements.size() * 4 >= elements.capacity()) return;
  Vector smaller;
  smaller.reserve(elements.size() * 2);
  smaller.assign(elements.begin(), elements.end());
  elements.swap(smaller);
}

}  // namespace

SearchRow::SearchRow(const Rule& rule, std::span<const float> values) : lines_(lines_of(rule)) {
  write_row(rule, reinterpret_cast<const char*>(values.data()), lines_.data()->values);
}

Collection::Collection(const Rule& rule) : rule_(rule), row_lines_(lines_of(rule)) {}

void Collection::put(std::string_view document_id, std::string_view values,
                     std::string_view payload) {
  ++changes_;
  auto found = slots_.find(document_id);
  if (found == slots_.end()) {
    found = slots_.emplace(document_id, Place{count(), nullptr}).first;
    entries_.push_back(&*found);
    lines_.resize(lines_.size() + row_lines_);
  }
  found->second.payload = copy_of(payload);
  write_row(rule_, values.data(), lines_[std::size_t{found->second.slot} * row_lines_].values);
}

void Collection::put_payload(std::string_view document_id, std::string_view payload) {
  slots_.find(document_id)->second.payload = copy_of(payload);
}

bool Collection::shrink(std::uint32_t at_most) {
  ++changes_;
  for (; at_most > 0 && count() > 0; --at_most) {
    slots_.erase(slots_.find(entries_.back()->first));
    entries_.pop_back();
  }
  lines_.resize(count() * row_lines_);
  give_back_room();
  return count() > 0;
}

void Collection::give_back_room() {
  give_back(lines_);
  give_back(entries_);
}

bool Collection::erase(std::string_view document_id) {
  const auto found = slots_.find(document_id);
  if (found == slots_.end()) return false;
  ++changes_;
  const std::uint32_t slot = found->second.slot;
  const std::uint32_t last = count() - 1;
  if (slot != last) {
    const auto from = lines_.begin() + static_cast<std::ptrdiff_t>(last * row_lines_);
    const auto to = lines_.begin() + static_cast<std::ptrdiff_t>(slot * row_lines_);
    std::copy_n(from, row_lines_, to);
    entries_[slot] = entries_[last];
    entries_[slot]->second.slot = slot;
  }
  lines_.resize(lines_.size() - row_lines_);
  entries_.pop_back();
  auto node = slots_.extract(found);
  if (visits_ > 0) erased_.push_back(std::move(node));
  give_back_room();
  return true;
}

}  // namespace stator::vector
