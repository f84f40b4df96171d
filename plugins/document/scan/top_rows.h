// The first `limit` rows of those that are offered, whatever their number: a bounded binary heap
// with the last kept row on top (Knuth, TAOCP 3, 5.2.3).
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "packed_json.h"
#include "scan/row_part.h"

namespace stator::document {

// A selected document. Values borrow bytes that last until the call returns.
struct FoundRow {
  std::string document_id;
  Value value;
  Value root;
};

class TopRows {
 public:
  TopRows(std::size_t limit, RowOrder order) : limit_(limit), order_(order) {}

  bool wants(const Value& value, std::string_view document_id) const {
    if (rows_.size() < limit_) return limit_ > 0;
    if (rows_.empty()) return false;
    return compare_rows(order_, {value, document_id}, key_of(rows_.front())) < 0;
  }
  // Call it for wanted rows only.
  void add(FoundRow row) {
    if (rows_.size() == limit_) {
      std::pop_heap(rows_.begin(), rows_.end(), Before{order_});
      rows_.pop_back();
    }
    rows_.push_back(std::move(row));
    std::push_heap(rows_.begin(), rows_.end(), Before{order_});
  }
  // Appends the kept rows in their order.
  void move_to(std::vector<FoundRow>& to) {
    std::sort(rows_.begin(), rows_.end(), Before{order_});
    std::move(rows_.begin(), rows_.end(), std::back_inserter(to));
    rows_.clear();
  }

 private:
  static RowKey key_of(const FoundRow& row) { return {row.value, row.document_id}; }
  struct Before {
    RowOrder order;
    bool operator()(const FoundRow& a, const FoundRow& b) const {
      return compare_rows(order, key_of(a), key_of(b)) < 0;
    }
  };

  std::size_t limit_;
  RowOrder order_;
  std::vector<FoundRow> rows_;
};

}  // namespace stator::document
