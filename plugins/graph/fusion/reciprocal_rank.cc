#include "fusion/reciprocal_rank.h"

#include <algorithm>

namespace stator::graph {
namespace {

double share(double k, std::size_t rank) { return 1.0 / (k + static_cast<double>(rank) + 1.0); }

}  // namespace

std::vector<Fused> fuse(std::span<const Seed> seeds, std::span<const HopRow> reached,
                        const FusionOptions& options) {
  std::vector<Fused> rows;
  // Scores of what only the graph list holds fall with the rank: behind the first final_top_k of
  // them none can be answered.
  const std::size_t reached_count = std::min(reached.size(), options.final_top_k);
  rows.reserve(seeds.size() + reached_count);
  for (std::size_t rank = 0; rank < seeds.size(); ++rank) {
    const Seed& seed = seeds[rank];
    rows.push_back({seed.id, share(options.vector_k, rank), rank, seed.distance, 0});
  }
  std::sort(rows.begin(), rows.end(), [](const Fused& a, const Fused& b) { return a.id < b.id; });
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    rows[rank].score += share(options.graph_k, rank);
  }
  for (std::size_t i = 0; i < reached_count; ++i) {
    const double score = share(options.graph_k, seeds.size() + i);
    rows.push_back({reached[i].id, score, kNoRank, 0, reached[i].hop});
  }
  const std::size_t count = std::min(rows.size(), options.final_top_k);
  const auto end = rows.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(rows.begin(), end, rows.end(), [](const Fused& a, const Fused& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  rows.erase(end, rows.end());
  return rows;
}

}  // namespace stator::graph
