// Names as dense numbers: node ids and labels are stored and walked as u32.
//
// Numbers are given in the order of first use, from 0, and never taken back, so replaying a log
// gives the same ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stator::graph {

using Number = std::uint32_t;
inline constexpr Number kNoNumber = std::numeric_limits<Number>::max();

class Names {
 public:
  std::size_t size() const { return names_.size(); }
  // kNoNumber if the name has none.
  Number find(std::string_view name) const;
  // Lasts as long as the Names.
  std::string_view name(Number number) const { return names_[number]; }
  // The name's number; a name that has none gets size() of before.
  Number intern(std::string_view name);

  // Takes the last one back; there is one.
  void pop();

  // Rebuilding: restore() each stored pair in any order, then finish_restore() once. False if the
  // pairs are not names numbered 0, 1, 2, ... without gap or repeat.
  bool restore(std::string_view name, Number number);
  bool finish_restore();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::unordered_map<std::string, Number, Hash, std::equal_to<>> numbers_;
  std::vector<std::string_view> names_;  // number -> key in numbers_, which stays where it is
};

}  // namespace stator::graph
