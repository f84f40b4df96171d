// Exact k nearest neighbours by looking at every vector.
//
// Keeps the best `top_k` in a heap whose top is the worst of them; ties go by document id, so the
// answer depends on the data alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "stator/engine.hpp"

#include "collection/collection.h"

namespace stator::vector {

struct Hit {
  float distance;                // smaller is nearer: squared L2, 1 - cos (never negative), -dot
  std::string_view document_id;  // lasts as long as the visit
};

struct Found {
  std::vector<Hit> hits;  // nearest first
  // How many vectors were looked at; where row policies bind the caller, how many of those that it
  // may see were near enough to be asked about, which does not depend on the others.
  std::uint64_t visited;
};

// `query` obeys the collection's rule. Hits are vectors that the caller may see, the nearest
// `top_k` of them. Nothing if the request was interrupted.
//
// Where the request pauses others may write: a vector that stays as it is during the search is
// looked at, one that is written meanwhile is seen as before or as after or, if it came or went,
// not at all; none is answered twice.
std::optional<Found> flat_search(const Collection& collection, const Collection::Visit& visit,
                                 std::span<const float> query, std::size_t top_k,
                                 const Request& request);

// Larger is nearer: 1 / (1 + distance) under l2, the cosine, the dot product.
float score_of(Metric metric, float distance);

}  // namespace stator::vector
