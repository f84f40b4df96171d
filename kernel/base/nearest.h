// The known name a person probably meant.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stator {

// Of the names that are offered, the first with the least edit distance to `name` (Levenshtein
// 1966), if that is at most a third of its length plus one. Clients can ask for it with every
// request: names that are too different cost next to nothing.
class Nearest {
 public:
  // `name` outlives it.
  explicit Nearest(std::string_view name);
  // `candidate` outlives it.
  void offer(std::string_view candidate);
  // Empty: there is none.
  std::string_view found() const { return found_; }

 private:
  std::string_view name_;
  std::size_t best_;  // a distance that is too large
  std::string_view found_;
};

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace stator
