// Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009) of a vector search with a walk.
//
//   score(d) = sum over the lists that hold d of 1 / (k_list + rank + 1), ranks from 0.
//
// The graph list holds the seeds, in id order, as hop 0; then what the walk reached, in (hop, id)
// order. So every candidate is in the graph list, and only seeds are in the vector list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fusion/vector_answer.h"

namespace stator::graph {

inline constexpr std::size_t kNoRank = ~std::size_t{0};

struct Fused {
  std::string_view id;  // into the seed or the names of the graph
  double score;
  std::size_t vector_rank;  // kNoRank: not in the vector list
  double vector_distance;   // with a rank
  std::uint32_t hop;
};

struct HopRow {
  std::string_view id;
  std::uint32_t hop;
};

struct FusionOptions {
  double vector_k;
  double graph_k;
  std::size_t final_top_k;
};

// `seeds` by vector rank, without repeats; `reached` the walk's rows behind hop 0, in (hop, id)
// order (its first final_top_k are enough). Best first, ties by id, at most final_top_k.
std::vector<Fused> fuse(std::span<const Seed> seeds, std::span<const HopRow> reached,
                        const FusionOptions& options);

}  // namespace stator::graph
