// The different values of one group: those of a lane, and how many all lanes together have.
//
// Values are ordered by hash_of, and equal hashes by packed/order.hpp. So where they are too many a
// lane keeps the first ones, merge counts those that all lanes have kept, and the next pass over
// the documents looks at the hashes behind: any number of values, counted exactly, in bounded
// memory (docs/adr/0058-pages-of-groups.md). By the hash and not by the value, for a position
// between two hashes has 8 bytes, between two values it may have 8 MiB.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "packed_json.h"

namespace stator::document {

// A packed value, owned or borrowed.
template <class Bytes>
struct HashedValue {
  std::uint64_t hash;
  Bytes bytes;
};

struct HashedBefore {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const HashedValue<A>& a, const HashedValue<B>& b) const {
    if (a.hash != b.hash) return a.hash < b.hash;
    return compare_values(read_value(a.bytes), read_value(b.bytes)) < 0;
  }
};

class DistinctValues {
 public:
  // Values of a smaller hash are passed over.
  explicit DistinctValues(std::uint64_t from) : from_(from) {}

  void add(const Value& value);
  std::size_t bytes() const { return bytes_; }
  // Drops the values of the largest hash, and passes them over from now on; false if there is none
  // but one.
  bool drop_last();
  void save(std::string& out) const;

 private:
  std::uint64_t from_;
  bool is_cut_ = false;
  std::uint64_t cut_ = 0;  // if it is: values from this hash on were dropped
  std::set<HashedValue<std::string>, HashedBefore> values_;
  std::size_t bytes_ = 0;
};

class DistinctUnion {
 public:
  // Takes what DistinctValues::save wrote, which it borrows; false for other bytes.
  bool add(std::string_view& bytes);

  // A lane has dropped values of this hash and of all behind.
  bool is_cut() const { return is_cut_; }
  std::uint64_t cut() const { return cut_; }

  // Adds the values before the cut one by one: next() is true for each that differs from the one
  // before.
  enum class Step : std::uint8_t { kNew, kSame, kEnd };
  Step step();
  bool is_damaged() const { return is_damaged_; }

 private:
  struct Lane {
    std::string_view rest;
    HashedValue<std::string_view> value;
  };
  struct Behind {
    bool operator()(const Lane& a, const Lane& b) const { return HashedBefore()(b.value, a.value); }
  };
  bool advance(Lane& lane);

  bool is_cut_ = false;
  bool is_damaged_ = false;
  bool has_last_ = false;
  std::uint64_t cut_ = 0;
  HashedValue<std::string_view> last_{};
  std::vector<Lane> lanes_;  // those that have a value; a heap, the first value on top
};

}  // namespace stator::document
