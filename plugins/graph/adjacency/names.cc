#include "adjacency/names.h"

namespace stator::graph {

Number Names::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? kNoNumber : found->second;
}

Number Names::intern(std::string_view name) {
  const Number known = find(name);
  if (known != kNoNumber) return known;
  const auto number = static_cast<Number>(names_.size());
  names_.push_back(numbers_.emplace(name, number).first->first);
  return number;
}

void Names::pop() {
  numbers_.erase(numbers_.find(names_.back()));
  names_.pop_back();
}

bool Names::restore(std::string_view name, Number number) {
  return numbers_.emplace(name, number).second;
}

bool Names::finish_restore() {
  names_.assign(numbers_.size(), std::string_view());
  for (const auto& [name, number] : numbers_) {
    if (number >= names_.size() || names_[number].data() != nullptr) return false;
    names_[number] = name;
  }
  return true;
}

}  // namespace stator::graph
