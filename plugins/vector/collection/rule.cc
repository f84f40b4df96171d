#include "collection/rule.h"

namespace stator::vector {

double squared_norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * double{value};
  return sum;
}

std::string fault_of(std::span<const float> values, const Rule& rule) {
  if (values.size() != rule.dim) {
    return "has " + std::to_string(values.size()) + " dimensions, the collection has " +
           std::to_string(rule.dim);
  }
  const double norm = squared_norm(values);
  if (norm > kSquaredNormMax) return "is too large: the sum of its squares overflows a float32";
  if (norm == 0 && rule.metric == Metric::kCosine) {
    return "is all zeros, which has no direction under the cosine metric";
  }
  return {};
}

}  // namespace stator::vector
