#include "search/flat_search.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "distance/distance.h"
#include "search/row_of.h"

namespace stator::vector {
namespace {

// Floats between two looks at the interrupt word: some 10 microseconds, also of scalar code.
constexpr std::size_t kFloatsPerLook = 16'384;
constexpr std::uint32_t kRowsPerLookMax = 1024;
// Where each of them is asked about: a policy is some hundred nanoseconds.
constexpr std::uint32_t kAskedRowsPerLook = 64;

struct Nearer {
  bool operator()(const Hit& a, const Hit& b) const {
    if (a.distance != b.distance) return a.distance < b.distance;
    return a.document_id < b.document_id;
  }
};

class TopK {
 public:
  TopK(std::size_t size_max, const Rows& rows) : size_max_(size_max), rows_(rows) {
    hits_.reserve(size_max_);
  }

  // From now on a vector may be offered that was offered before.
  void expect_repeats() {
    if (expects_repeats_) return;
    expects_repeats_ = true;
    for (const Hit& hit : hits_) kept_.insert(hit.document_id);
  }
  void offer(float distance, const Collection& collection, std::uint32_t slot) {
    const bool is_full = hits_.size() == size_max_;
    if (is_full && (size_max_ == 0 || distance > hits_.front().distance)) return;
    const Hit hit = {distance, collection.document_id(slot)};
    if (is_full && !Nearer()(hit, hits_.front())) return;
    // Asked last, about the few that get so far.
    if (rows_.is_bound()) {
      if (!rows_.is_visible(row_of(collection.payload(slot)))) return;
      ++visited_;
    }
    if (expects_repeats_ && !kept_.insert(hit.document_id).second) return;
    if (is_full) {
      std::pop_heap(hits_.begin(), hits_.end(), Nearer());
      if (expects_repeats_) kept_.erase(hits_.back().document_id);
      hits_.pop_back();
    }
    hits_.push_back(hit);
    std::push_heap(hits_.begin(), hits_.end(), Nearer());
  }
  std::uint64_t visited() const { return visited_; }
  std::uint32_t rows_per_look() const {
    return rows_.is_bound() ? kAskedRowsPerLook : kRowsPerLookMax;
  }
  std::vector<Hit> take() {
    std::sort_heap(hits_.begin(), hits_.end(), Nearer());
    return std::move(hits_);
  }

 private:
  std::size_t size_max_;
  const Rows& rows_;
  std::uint64_t visited_ = 0;  // where rows are asked about
  std::vector<Hit> hits_;
  bool expects_repeats_ = false;
  std::unordered_set<std::string_view> kept_;  // of the hits, when repeats are expected
};

// `distance` maps a row to its distance. False if interrupted. From the last slot to the first: a
// write moves the last vector at most, to where another one went, so that during a pause none can
// get behind the walk without having been looked at.
template <class Distance>
bool scan(const Collection& collection, const Request& request, TopK& best, Distance&& distance) {
  const std::size_t rows = kFloatsPerLook / collection.row_floats();
  const std::uint32_t step = std::clamp(static_cast<std::uint32_t>(rows), 1u, best.rows_per_look());
  for (std::uint32_t left = collection.count(); left > 0;) {
    const std::uint64_t changes = collection.changes();
    if (request.interrupted()) return false;
    if (collection.changes() != changes) {
      left = std::min(left, collection.count());
      best.expect_repeats();
    }
    for (std::uint32_t some = std::min(step, left); some > 0; --some) {
      --left;
      best.offer(distance(collection.row(left)), collection, left);
    }
  }
  return true;
}

}  // namespace

std::optional<Found> flat_search(const Collection& collection, const Collection::Visit&,
                                 std::span<const float> query, std::size_t top_k,
                                 const Request& request) {
  const SearchRow row(collection.rule(), query);
  const float* const wanted = row.data();
  const std::size_t floats = collection.row_floats();
  const DistanceKernels& kernels = distance_kernels();
  const Rows rows = request.rows();
  TopK best(std::min<std::size_t>(top_k, collection.count()), rows);
  bool done = false;
  switch (collection.rule().metric) {
    case Metric::kL2:
      done = scan(collection, request, best,
                  [&](const float* other) { return kernels.squared_l2(wanted, other, floats); });
      break;
    case Metric::kCosine:
      done = scan(collection, request, best, [&](const float* other) {
        return std::max(0.0f, 1.0f - kernels.dot(wanted, other, floats));
      });
      break;
    case Metric::kIp:
      // 0 - x, not -x: a dot product of 0 is no distance of -0.
      done = scan(collection, request, best,
                  [&](const float* other) { return 0.0f - kernels.dot(wanted, other, floats); });
      break;
  }
  if (!done) return std::nullopt;
  const std::uint64_t visited = rows.is_bound() ? best.visited() : collection.count();
  return Found{best.take(), visited};
}

float score_of(Metric metric, float distance) {
  switch (metric) {
    case Metric::kL2:
      return 1.0f / (1.0f + distance);
    case Metric::kCosine:
      return 1.0f - distance;
    case Metric::kIp:
      break;
  }
  return 0.0f - distance;
}

}  // namespace stator::vector
