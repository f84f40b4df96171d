// Which mutation ids of a peer were applied to a document: ranges, because peers count.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stator::crdt {

class MutationLog {
 public:
  MutationLog() = default;
  // Throws std::runtime_error where `stored` is not what encode() writes.
  explicit MutationLog(std::string_view stored);

  bool has(std::uint64_t id) const;
  // Keeps the kMutationRangesMax highest ranges.
  void add(std::uint64_t id);
  std::string encode() const;

 private:
  struct Range {
    std::uint64_t first;
    std::uint64_t last;
  };
  std::vector<Range> ranges_;  // ascending, with a gap between any two
};

}  // namespace stator::crdt
