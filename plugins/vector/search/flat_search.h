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

// Nearest first. `query` obeys the collection's rule. Nothing if the request was interrupted.
//
// Where the request pauses others may write: a vector that stays as it is during the search is
// looked at, one that is written meanwhile is seen as before or as after or, if it came or went,
// not at all; none is answered twice.
std::optional<std::vector<Hit>> flat_search(const Collection& collection,
                                            const Collection::Visit& visit,
                                            std::span<const float> query, std::size_t top_k,
                                            const Request& request);

// Larger is nearer: 1 / (1 + distance) under l2, the cosine, the dot product.
float score_of(Metric metric, float distance);

}  // namespace stator::vector
