// What a range scan asks for, and the keys of an index that can hold it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "index/definition.h"
#include "packed_json.h"
#include "scan/row_part.h"
#include "scan/selection.h"

namespace stator::document {

// One end of a range. Owns the stored form of the bound.
class Bound {
 public:
  Bound(std::string stored, bool is_inclusive)
      : stored_(std::move(stored)), is_inclusive_(is_inclusive) {}
  Value value() const { return read_value(stored_); }
  bool is_inclusive() const { return is_inclusive_; }

 private:
  std::string stored_;
  bool is_inclusive_;
};

struct KeyRange {
  std::string lower;  // inclusive
  std::string upper;  // exclusive
};

// Where the page before ended.
struct RangePosition {
  Value value;
  std::string_view document_id;
};

// A bound selects values of its own type only (numbers, strings, booleans, null); without any bound
// every value is selected.
struct RangeQuery {
  std::string_view field;
  std::optional<Bound> lower;
  std::optional<Bound> upper;
  RowOrder order = RowOrder::kAscending;
  std::size_t limit = 0;
  Selection selection;
  std::optional<RangePosition> after;  // only rows behind it

  bool contains(const Value& value) const;
  // `value` is that of the document's field.
  bool selects(const Value& value, std::string_view document_id, const Value& root) const {
    return contains(value) && is_behind(value, document_id) && selection.selects(root);
  }
  bool is_behind(const Value& value, std::string_view document_id) const {
    return !after ||
           compare_rows(order, {value, document_id}, {after->value, after->document_id}) > 0;
  }
  // `range` without keys that can only lie before the position.
  KeyRange behind_position(const IndexDefinition& index, KeyRange range) const;
  // All keys of an index that gives the order of `field` which can hold a selected value; also some
  // that do not: where a bound is cut, `contains` decides.
  KeyRange key_range(const IndexDefinition& index) const;
};

}  // namespace stator::document
