// The different values of one group: those of a lane, and how many all lanes together have.
//
// Values are ordered by hash_of, and equal hashes by packed/order.hpp. So where they are too many a
// lane keeps the first ones, merge counts those that all lanes have kept, and the next pass over
// the documents looks at the hashes behind: any number of values, counted exactly, in bounded
// memory (docs/adr/0058-pages-of-groups.md). By the hash and not by the value, for a position
// between two hashes has 8 bytes, between two values it may have 8 MiB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "packed_json.h"

namespace stator::document {

// A packed value, borrowed.
struct HashedValue {
  std::uint64_t hash;
  std::string_view bytes;
};

inline bool is_before(const HashedValue& a, const HashedValue& b) {
  if (a.hash != b.hash) return a.hash < b.hash;
  return compare_values(read_value(a.bytes), read_value(b.bytes)) < 0;
}

// A table of hashes, open and half full at most, and the values behind one another: a lookup costs
// one miss of the cache and a value 32 bytes beside its own, so that few passes are needed.
class DistinctValues {
 public:
  // Values of a smaller hash are passed over.
  explicit DistinctValues(std::uint64_t from) : from_(from) {}

  void add(const Value& value);
  std::size_t bytes() const { return slots_.size() * sizeof(Slot) + values_.size(); }
  // Drops the values of the largest hashes, an eighth of all, and passes such ones over from now
  // on; false if all are of one hash.
  bool drop_last();
  void save(std::string& out) const;

 private:
  struct Slot {
    std::uint64_t hash;
    std::uint32_t offset;  // in values_
    std::uint32_t size;    // 0: free
  };
  std::string_view bytes_of(const Slot& slot) const {
    return std::string_view(values_).substr(slot.offset, slot.size);
  }
  // That of the value, or where it belongs.
  Slot& find(const HashedValue& value);
  void insert(const HashedValue& value);
  // Anew, with the values before the cut.
  void rebuild(std::size_t slots);

  std::uint64_t from_;
  bool is_cut_ = false;
  std::uint64_t cut_ = 0;  // if it is: values from this hash on were dropped
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
  std::string values_;
};

class DistinctUnion {
 public:
  // Takes what DistinctValues::save wrote, which it borrows; false for other bytes.
  bool add(std::string_view& bytes);

  // A lane has dropped values of this hash and of all behind.
  bool is_cut() const { return is_cut_; }
  std::uint64_t cut() const { return cut_; }

  // Goes over the values before the cut one by one: kNew is each that differs from the one before.
  enum class Step : std::uint8_t { kNew, kSame, kEnd };
  Step step();
  bool is_damaged() const { return is_damaged_; }

 private:
  struct Lane {
    std::string_view rest;
    HashedValue value;
  };
  struct Behind {
    bool operator()(const Lane& a, const Lane& b) const { return is_before(b.value, a.value); }
  };
  bool advance(Lane& lane);

  bool is_cut_ = false;
  bool is_damaged_ = false;
  bool has_last_ = false;
  std::uint64_t cut_ = 0;
  HashedValue last_{};
  std::vector<Lane> lanes_;  // those that have a value; a heap, the first value on top
};

}  // namespace stator::document
