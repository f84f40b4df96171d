#include "adjacency/half_edges.h"

#include <algorithm>

namespace stator::graph {
namespace {

constexpr std::size_t kRunMax = 512;

std::ptrdiff_t offset(std::size_t at) { return static_cast<std::ptrdiff_t>(at); }

}  // namespace

bool HalfEdges::Cursor::next(Half& half) {
  if (position_.run == edges_->runs_.size()) return false;
  const std::vector<Half>& run = edges_->runs_[position_.run];
  half = run[position_.at];
  if (only_label_ != kNoNumber && half.label != only_label_) return false;
  if (++position_.at == run.size()) position_ = {position_.run + 1, 0};
  return true;
}

template <class Before>
HalfEdges::Position HalfEdges::first_not(Before&& before) const {
  const auto run = std::partition_point(runs_.begin(), runs_.end(),
                                        [&](const auto& each) { return before(each.back()); });
  if (run == runs_.end()) return {runs_.size(), 0};
  const auto at = std::partition_point(run->begin(), run->end(), before);
  return {static_cast<std::size_t>(run - runs_.begin()),
          static_cast<std::size_t>(at - run->begin())};
}

bool HalfEdges::is_at(const Position& position, const Half& half) const {
  return position.run < runs_.size() && runs_[position.run][position.at] == half;
}

bool HalfEdges::contains(const Half& half, const HalfOrder& order) const {
  return is_at(first_not([&](const Half& each) { return order(each, half); }), half);
}

HalfEdges::Cursor HalfEdges::of_label(Number label, const HalfOrder& order) const {
  const auto before = [&](const Half& each) {
    return order.labels.name(each.label) < order.labels.name(label);
  };
  return {*this, first_not(before), label};
}

HalfEdges::Cursor HalfEdges::behind(const Half& half, Number only_label,
                                    const HalfOrder& order) const {
  return {*this, first_not([&](const Half& each) { return !order(half, each); }), only_label};
}

bool HalfEdges::insert(const Half& half, const HalfOrder& order) {
  Position position = first_not([&](const Half& each) { return order(each, half); });
  if (is_at(position, half)) return false;
  if (runs_.empty()) runs_.emplace_back();
  if (position.run == runs_.size()) position = {runs_.size() - 1, runs_.back().size()};
  std::vector<Half>& run = runs_[position.run];
  run.insert(run.begin() + offset(position.at), half);
  if (run.size() > kRunMax) {
    const auto middle = run.begin() + offset(run.size() / 2);
    std::vector<Half> upper(middle, run.end());
    run.erase(middle, run.end());
    runs_.insert(runs_.begin() + offset(position.run + 1), std::move(upper));
  }
  return true;
}

bool HalfEdges::erase(const Half& half, const HalfOrder& order) {
  const Position position = first_not([&](const Half& each) { return order(each, half); });
  if (!is_at(position, half)) return false;
  std::vector<Half>& run = runs_[position.run];
  run.erase(run.begin() + offset(position.at));
  if (run.empty()) runs_.erase(runs_.begin() + offset(position.run));
  return true;
}

}  // namespace stator::graph
