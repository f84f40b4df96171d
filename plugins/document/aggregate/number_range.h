// The numbers of a percentile, on a lane and of all lanes.
//
// As long as there is room they are kept. Where there is none they are counted by the leading bits
// of their place in the order of doubles: the counts tell in which of 8192 stretches of the range
// the wanted number lies, and the next pass over the documents has that stretch for its range and
// counts, or keeps, only what lies in it. After five passes a range is one number, whatever there
// is of them (docs/adr/0058-pages-of-groups.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stator::document {

// The numbers whose place is `prefix` but for its last `shift` bits.
struct PlaceRange {
  static constexpr std::uint64_t kAllBits = 64;
  std::uint64_t prefix = 0;
  std::uint64_t shift = kAllBits;
  // That of a pass, and not what a client has made up.
  bool is_valid() const;
};

class NumberRange {
 public:
  explicit NumberRange(const PlaceRange& range) : range_(range) {}

  // Not NaN. What lies outside of the range is counted, too: ranks are those of all numbers.
  void add(double number);
  std::size_t bytes() const { return bytes_; }
  // From numbers to counts; false where that makes no room.
  bool fold();

  void save(std::string& out) const;
  // Adds what save() of the same range wrote and passes it; false for other bytes.
  bool merge(std::string_view& bytes);

  bool is_empty() const { return below_ + inside_ + above_ == 0; }
  // The number of that fraction (PERCENTILE_CONT), if this pass can tell; else the range of the
  // next one. Not of an empty one.
  bool find(double fraction, double& number, PlaceRange& next);

 private:
  void keep(double number);
  void count(double number);
  void count_all();
  bool merge_counts(std::uint64_t inside, std::string_view& bytes);
  bool merge_numbers(std::uint64_t inside, std::string_view& bytes);
  // The number of that rank; false where it is only known in which range it is.
  bool find_rank(std::uint64_t rank, double& number, PlaceRange& next);

  PlaceRange range_;
  std::uint64_t below_ = 0;
  std::uint64_t inside_ = 0;
  std::uint64_t above_ = 0;
  double under_ = 0;  // the largest below, the smallest above
  double over_ = 0;
  std::vector<double> numbers_;        // all inside, or
  std::vector<std::uint64_t> counts_;  // how many of them are in each stretch
  std::size_t bytes_ = 0;
};

}  // namespace stator::document
