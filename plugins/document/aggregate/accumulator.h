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
// count_distinct and percentile keep values. Where these are too many make_room() lets go of some,
// and the answer takes more than one pass over the documents: settle() says, of all lanes together,
// what the next pass has to look for.
//
// Values of another kind are passed over. Without values: count and sum 0, the others null; null is
// also what no double can say, such as the sum of 1e400.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "stator/engine.hpp"
#include "stator/json_writer.hpp"

#include "aggregate/distinct_values.h"
#include "aggregate/number_range.h"
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

// How far the passes over the documents of a group have come.
struct PassProgress {
  bool is_done = false;
  // count_distinct: what was counted, and the hash from which it goes on. percentile: the range in
  // which the number lies. Done: the count; the bits of the number, and 1 if there is one.
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

class Accumulator {
 public:
  explicit Accumulator(AggregateKind kind);

  // Of one without values.
  static std::size_t own_bytes(AggregateKind kind);
  // It keeps values and may take more than one pass.
  static bool has_passes(AggregateKind kind) {
    return kind == AggregateKind::kCountDistinct || kind == AggregateKind::kPercentile;
  }
  // Begins a later pass; false for what settle() of that kind does not say.
  bool resume(const PassProgress& progress);
  void add(const Value& value);
  // Bytes that it holds beside its own.
  std::size_t bytes() const;
  bool keeps_numbers() const { return numbers_ != nullptr; }
  // Needs fewer of them from now on; false if it cannot.
  bool make_room();

  void save(std::string& out) const;
  // Adds what save() of the same kind wrote and passes it; false for other bytes. They are borrowed
  // until settle() returns.
  bool merge(std::string_view& bytes);
  // Ends a pass, when all lanes are merged. STATOR_OK, or why it was left.
  Status settle(const Request& request, double fraction);
  const PassProgress& progress() const { return progress_; }
  bool is_done() const { return progress_.is_done || !has_passes(kind_); }
  // Call it when it is done.
  void write(json::Writer& writer) const;

 private:
  __extension__ using Wide = __int128;

  void add_number(const Value& value);
  void add_real(double number);
  void add_moment(double count, double mean, double squares);
  void keep_extreme(std::string_view value);
  double total() const;
  bool has_result() const;
  void write_sum(json::Writer& writer) const;
  Status count_values(const Request& request);
  void find_number(double fraction);

  AggregateKind kind_;
  bool has_real_ = false;
  std::uint64_t count_ = 0;
  Wide whole_ = 0;   // sum of integers
  double real_ = 0;  // sum of doubles
  double lost_ = 0;  // what rounding took from it
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean
  std::string extreme_;
  PassProgress progress_;
  std::unique_ptr<DistinctValues> distinct_;  // of a lane
  std::unique_ptr<DistinctUnion> union_;      // of all, while they are merged
  std::unique_ptr<NumberRange> numbers_;
};

}  // namespace stator::document
