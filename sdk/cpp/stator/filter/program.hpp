// A filter as it is evaluated: a flat program that refers to nothing outside itself, so it can be
// kept, copied and handed over as bytes. Made by filter/compile.hpp; lives in memory only.
//
//   program = version u8 (1), node
//   node    = op u8, size of the body u32 little-endian, body
//     and, or            nodes                      (of none: true, false)
//     not                node
//     at                 path size u16, path, node  the node is about the value at the path
//     any, all           node                       the node is about each element of an array
//     eq gt gte lt lte   packed value
//     contains prefix like ilike
//                        packed value
//     in                 count u32, count offsets u32 from the first value, values in their order
//     exists, is_null    u8, 0 or 1
//
// A node is about one value, which may be missing: the document at first.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "stator/packed/order.hpp"
#include "stator/packed/path.hpp"
#include "stator/packed/value.hpp"

namespace stator::filter {

inline constexpr char kProgramVersion = 1;

enum class Op : std::uint8_t {
  kAnd = 1,
  kOr,
  kNot,
  kAt,
  kAny,
  kAll,
  kEq,
  kGt,
  kGte,
  kLt,
  kLte,
  kContains,
  kPrefix,
  kLike,
  kIlike,
  kIn,
  kExists,
  kIsNull
};

// A part of a program; borrows the program's bytes.
struct Node {
  Op op = Op::kAnd;
  std::string_view body;

  // of eq ... ilike
  packed::Value operand() const { return packed::read_value(body); }
  // of exists and is_null
  bool flag() const { return body == std::string_view("\x01", 1); }
};

// Walks the nodes that stand one behind the other.
class Nodes {
 public:
  explicit Nodes(std::string_view bytes) : rest_(bytes) {}
  bool next(Node& node);

 private:
  std::string_view rest_;
};

// The node of a whole program; of an empty one the `and` of nothing, which is true of everything.
Node root_of(std::string_view program);

// The two parts of `at`.
struct At {
  std::string_view path;
  Node test;
};
At read_at(const Node& node);

// The values of `in`, in the order of packed/order.hpp.
class List {
 public:
  explicit List(const Node& node);
  std::uint32_t size() const { return size_; }
  packed::Value operator[](std::uint32_t i) const;
  bool contains(const packed::Value& value) const;

 private:
  std::uint32_t size_ = 0;
  std::string_view offsets_;
  std::string_view values_;
};

namespace detail {

inline std::uint32_t load_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  if (at + sizeof number <= bytes.size()) std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

}  // namespace detail

inline bool Nodes::next(Node& node) {
  constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint32_t);
  if (rest_.size() < kHeadBytes) return false;
  node.op = static_cast<Op>(rest_.front());
  node.body = rest_.substr(kHeadBytes, detail::load_u32(rest_, 1));
  rest_.remove_prefix(kHeadBytes + node.body.size());
  return true;
}

inline Node root_of(std::string_view program) {
  Node root;
  if (!program.empty() && program.front() == kProgramVersion) Nodes(program.substr(1)).next(root);
  return root;
}

inline At read_at(const Node& node) {
  std::uint16_t size = 0;
  if (node.body.size() < sizeof size) return {};
  std::memcpy(&size, node.body.data(), sizeof size);
  At at;
  at.path = node.body.substr(sizeof size, size);
  Nodes(node.body.substr(sizeof size + at.path.size())).next(at.test);
  return at;
}

inline List::List(const Node& node) : size_(detail::load_u32(node.body, 0)) {
  const std::size_t offsets = std::size_t{size_} * sizeof(std::uint32_t);
  if (node.body.size() < sizeof(std::uint32_t) + offsets) {
    size_ = 0;
    return;
  }
  offsets_ = node.body.substr(sizeof(std::uint32_t), offsets);
  values_ = node.body.substr(sizeof(std::uint32_t) + offsets);
}

inline packed::Value List::operator[](std::uint32_t i) const {
  const std::uint32_t offset = detail::load_u32(offsets_, std::size_t{i} * sizeof(std::uint32_t));
  return packed::read_value(offset <= values_.size() ? values_.substr(offset) : values_);
}

inline bool List::contains(const packed::Value& value) const {
  std::uint32_t low = 0;
  std::uint32_t high = size_;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const int order = packed::compare_values((*this)[middle], value);
    if (order == 0) return true;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

}  // namespace stator::filter
