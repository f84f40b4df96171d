// One aggregate over the values of one group, in a form that lanes can hand to one another.
//
//   count            values that are there (of the path "*": documents)
//   sum avg          numbers; integers are summed exactly within 128 bits, else as doubles with
//                    compensation (Neumaier 1974)
//   min max          of all values but null, in the order of packed/order.hpp
//   count_distinct   different values by that order, null left out
//   stddev           of numbers, of the sample (n - 1), merged as Chan, Golub and LeVeque (1979)
//   percentile       of numbers, interpolated between neighbours as SQL's PERCENTILE_CONT
//
// Values of another kind are passed over. Without values: count and sum 0, the others null; null is
// also what no double can say, such as the sum of 1e400.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stator/json_writer.hpp"

#include "packed_json.h"

namespace stator::document {

enum class AggregateKind : std::uint8_t {
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kCountDistinct,
  kStddev,
  kPercentile
};

// Orders packed values.
struct PackedBefore {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const {
    return compare_values(read_value(a), read_value(b)) < 0;
  }
};

class Accumulator {
 public:
  explicit Accumulator(AggregateKind kind) : kind_(kind) {}

  void add(const Value& value);
  // Bytes that it holds beside itself.
  std::size_t bytes() const { return bytes_; }

  void save(std::string& out) const;
  // Adds what save() of the same kind wrote and passes it; false for other bytes.
  bool merge(std::string_view& bytes);
  void write(json::Writer& writer, double fraction);

 private:
  __extension__ using Wide = __int128;

  void add_number(const Value& value);
  void add_real(double number);
  void add_moment(double count, double mean, double squares);
  void keep_extreme(std::string_view value);
  void add_distinct(std::string_view value);
  double total() const;
  bool has_result() const;
  void write_sum(json::Writer& writer) const;
  void write_percentile(json::Writer& writer, double fraction);

  AggregateKind kind_;
  std::uint64_t count_ = 0;
  Wide whole_ = 0;   // sum of integers
  double real_ = 0;  // sum of doubles
  double lost_ = 0;  // what rounding took from it
  bool has_real_ = false;
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean
  std::string extreme_;
  std::set<std::string, PackedBefore> distinct_;
  std::vector<double> numbers_;
  std::size_t bytes_ = 0;
};

}  // namespace stator::document
