// What every vector of a collection must obey, fixed by its first vector.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace stator::vector {

// The order is that of the choices on the wire and of the number in stored data: append only.
enum class Metric : std::uint8_t { kL2 = 0, kCosine = 1, kIp = 2 };
inline constexpr const char* kMetricNames[] = {"l2", "cosine", "ip"};
inline constexpr std::uint8_t kMetricCount = 3;

inline constexpr std::uint32_t kDimsMax = 8192;
inline constexpr std::uint32_t kDocumentIdBytesMax = 256;

// With |a|^2 and |b|^2 below this, |a - b|^2 <= (|a| + |b|)^2 is below half of what a float32
// holds: whatever two vectors meet, their distance is finite, rounding included.
inline constexpr double kSquaredNormMax = std::numeric_limits<float>::max() / 8.0;

struct Rule {
  Metric metric = Metric::kCosine;
  std::uint32_t dim = 0;
};

inline const char* name_of(Metric metric) { return kMetricNames[static_cast<int>(metric)]; }

// Why the vector breaks the rule, as the end of a sentence that begins with its field; empty if it
// does not.
std::string fault_of(std::span<const float> values, const Rule& rule);

// Sum of squares, in double: exact enough for every float32, denormals included.
double squared_norm(std::span<const float> values);

}  // namespace stator::vector
