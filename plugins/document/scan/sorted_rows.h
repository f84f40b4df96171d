// The first rows of a sorted scan: of those that are offered on one lane, and of the lanes' parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scan/row_part.h"
#include "scan/sort.h"

namespace stator::document {

// Values and root borrow bytes that last until the call returns.
struct SortedRow {
  SortValues values;
  std::string tie;  // the document id, or what makes a row different
  Value root;
};

// Keeps the first `limit` rows; of rows that are equal in all, tie included, one.
class TopSorted {
 public:
  TopSorted(std::size_t limit, const SortOrder& order) : limit_(limit), rows_(Before{&order}) {}

  bool wants(const SortPoint& point) const {
    if (rows_.size() < limit_) return true;
    const SortedRow& last = *rows_.rbegin();
    return rows_.key_comp().order->compare(point, {last.values, last.tie}) < 0;
  }
  void add(SortedRow row) {
    const std::size_t bytes = row.tie.size();
    if (!rows_.insert(std::move(row)).second) return;
    bytes_ += bytes;
    if (rows_.size() <= limit_) return;
    const auto last = std::prev(rows_.end());
    bytes_ -= last->tie.size();
    rows_.erase(last);
  }
  // Of the kept ties.
  std::size_t bytes() const { return bytes_; }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }

 private:
  struct Before {
    const SortOrder* order;
    bool operator()(const SortedRow& a, const SortedRow& b) const {
      return order->compare({a.values, a.tie}, {b.values, b.tie}) < 0;
    }
  };
  std::size_t limit_;
  std::set<SortedRow, Before> rows_;
  std::size_t bytes_ = 0;
};

// Gives the rows of all parts in one order; a row's document_id is its tie, its value its sort
// values. Equal rows of several lanes come once.
class SortedMerger {
 public:
  SortedMerger(const Parts& parts, const SortOrder& order);
  bool next(PartRow& row);
  // It ends before rows that were left out.
  bool is_cut() const { return is_cut_; }

 private:
  struct Lane {
    PartReader reader;
    PartRow row;
    SortValues values;
  };
  bool advance(Lane& lane);
  int compare(const Lane& a, const Lane& b) const {
    return order_.compare({a.values, a.row.document_id}, {b.values, b.row.document_id});
  }

  const SortOrder& order_;
  std::vector<Lane> lanes_;  // those that have a row
  bool is_cut_ = false;
};

}  // namespace stator::document
