#include "search/flat_search.h"

#include <algorithm>
#include <utility>

#include "distance/distance.h"

namespace stator::vector {
namespace {

// Floats between two looks at the interrupt word: some 50 microseconds, also of scalar code.
constexpr std::size_t kFloatsPerLook = 65'536;
constexpr std::uint32_t kRowsPerLookMax = 1024;

struct Nearer {
  const Collection& collection;
  bool operator()(const Hit& a, const Hit& b) const {
    if (a.distance != b.distance) return a.distance < b.distance;
    return collection.document_id(a.slot) < collection.document_id(b.slot);
  }
};

class TopK {
 public:
  TopK(const Collection& collection, std::size_t top_k)
      : is_nearer_{collection}, size_max_(std::min<std::size_t>(top_k, collection.count())) {
    hits_.reserve(size_max_);
  }

  void offer(Hit hit) {
    if (hits_.size() < size_max_) {
      hits_.push_back(hit);
      std::push_heap(hits_.begin(), hits_.end(), is_nearer_);
    } else if (is_nearer_(hit, hits_.front())) {
      std::pop_heap(hits_.begin(), hits_.end(), is_nearer_);
      hits_.back() = hit;
      std::push_heap(hits_.begin(), hits_.end(), is_nearer_);
    }
  }
  std::vector<Hit> take() {
    std::sort_heap(hits_.begin(), hits_.end(), is_nearer_);
    return std::move(hits_);
  }

 private:
  Nearer is_nearer_;
  std::size_t size_max_;
  std::vector<Hit> hits_;
};

// `distance` maps a row to its distance. False if interrupted.
template <class Distance>
bool scan(const Collection& collection, const Request& request, TopK& best, Distance&& distance) {
  const std::size_t rows = kFloatsPerLook / collection.row_floats();
  const std::uint32_t step = std::clamp(static_cast<std::uint32_t>(rows), 1u, kRowsPerLookMax);
  const std::uint32_t count = collection.count();
  for (std::uint32_t begin = 0; begin < count;) {
    if (request.interrupted()) return false;
    const std::uint32_t end = begin + std::min(step, count - begin);
    for (std::uint32_t slot = begin; slot < end; ++slot) {
      best.offer({distance(collection.row(slot)), slot});
    }
    begin = end;
  }
  return true;
}

}  // namespace

std::optional<std::vector<Hit>> flat_search(const Collection& collection,
                                            std::span<const float> query, std::size_t top_k,
                                            const Request& request) {
  const SearchRow row(collection.rule(), query);
  const float* const wanted = row.data();
  const std::size_t floats = collection.row_floats();
  const DistanceKernels& kernels = distance_kernels();
  TopK best(collection, top_k);
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
  return best.take();
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
