// Chooses how to find the documents that a filter selects: along an index whose keys can hold them,
// or over all documents. An index only narrows: the filter decides on each document.
#pragma once

#include <string_view>
#include <vector>

#include "index/index_catalog.h"
#include "scan/range_query.h"

namespace stator::document {

struct Access {
  const IndexDefinition* index = nullptr;  // null: over all documents
  // Stretches of the index's keys that do not overlap, in their order. No document stands in two.
  std::vector<KeyRange> ranges;
  std::size_t equal_paths = 0;  // paths of the index that are bound to one value
  bool is_bounded = false;      // the next path is bound to a range or a list
  bool is_by_id = false;        // one stretch, whose keys differ by the documents' ids alone
};

// Most stretches of one plan: each takes a cursor, of which a call has 16. Longer lists of `in` are
// left to the filter.
inline constexpr std::size_t kPlanRangesMax = 12;

// The index, among those that are ready, that binds the most paths; of equal ones the first by
// name. An index with a `where` is used only if every part of it stands in the filter too.
// `program` is a compiled filter, or empty.
Access plan_access(const IndexDefinitions& indexes, std::string_view program);

// True if the filter selects only documents that have a value at the path.
bool requires_path(std::string_view program, std::string_view path);

}  // namespace stator::document
