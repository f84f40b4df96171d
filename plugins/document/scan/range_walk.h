// Two ways to find the rows of a range scan on one lane: along an index, or over all documents.
// Both give the same rows, at most query.limit, in the query's order.
#pragma once

#include <vector>

#include "stator/engine.hpp"

#include "scan/range_query.h"
#include "scan/top_rows.h"

namespace stator::document {

// STATOR_E_DEADLINE_EXCEEDED when the request is interrupted; STATOR_E_CORRUPTED where an index
// entry has no document, which a sound store never has.
// The keys of an index that gives the order of the query's field.
struct IndexStretch {
  const IndexDefinition& index;
  KeyRange keys;
};
Status walk_index(const Request& request, const RangeQuery& query, const IndexStretch& stretch,
                  std::vector<FoundRow>& rows);
Status walk_documents(const Request& request, const RangeQuery& query, std::vector<FoundRow>& rows);

}  // namespace stator::document
