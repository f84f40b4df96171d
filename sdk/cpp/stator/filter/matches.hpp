// Evaluates a filter program on packed JSON. Parses nothing and allocates nothing; recursion is
// bounded by the compiler's depth. What each test means: filter/compile.hpp.
#pragma once

#include <cstring>
#include <string_view>

#include "stator/filter/program.hpp"

namespace stator::filter {

// True if the filter selects the document. `program`: of compile(); empty selects everything.
bool matches(std::string_view program, const packed::Value& document);

// The pattern language of like: '%' is any text, '_' one character, '\' takes the next one as it
// stands. For ilike the pattern is in lower case already. At most size of text x size of pattern
// steps: of the places where a '%' may end only those of the last one are tried.
enum class Case : std::uint8_t { kExact, kFolded };
bool matches_like(std::string_view text, std::string_view pattern, Case mode);

// Folds A-Z only, so that it agrees with an index without case; bytes of UTF-8 stay.
constexpr char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

namespace detail {

inline std::size_t character_bytes(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
  return end - at;
}

inline bool contains_text(std::string_view text, std::string_view part) {
  // memmem takes time linear in both; string_view::find does not.
  return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

inline bool contains_element(const packed::Value& array, const packed::Value& wanted) {
  packed::Elements elements(array);
  for (packed::Value element; elements.next(element);) {
    if (packed::compare_values(element, wanted) == 0) return true;
  }
  return false;
}

bool holds(const Node& node, const packed::Value* value);

inline bool holds_for_elements(const Node& node, const packed::Value& array) {
  Node test;
  if (array.tag != packed::Tag::kArray || !Nodes(node.body).next(test)) return false;
  const bool is_any = node.op == Op::kAny;
  packed::Elements elements(array);
  for (packed::Value element; elements.next(element);) {
    if (holds(test, &element) == is_any) return is_any;
  }
  return !is_any;
}

inline bool holds_at(const Node& node, const packed::Value* value) {
  const At at = read_at(node);
  packed::Value found;
  const bool exists = value != nullptr && packed::find_path(*value, at.path, found);
  return holds(at.test, exists ? &found : nullptr);
}

inline bool holds_in_order(Op op, const packed::Value& value, const packed::Value& bound) {
  if (packed::type_class(value) != packed::type_class(bound)) return false;
  const int order = packed::compare_values(value, bound);
  switch (op) {
    case Op::kGt:
      return order > 0;
    case Op::kGte:
      return order >= 0;
    case Op::kLt:
      return order < 0;
    default:
      return order <= 0;
  }
}

inline bool holds_for_text(Op op, const packed::Value& value, std::string_view operand) {
  if (value.tag != packed::Tag::kString) return false;
  switch (op) {
    case Op::kPrefix:
      return value.content.starts_with(operand);
    case Op::kLike:
      return matches_like(value.content, operand, Case::kExact);
    default:
      return matches_like(value.content, operand, Case::kFolded);
  }
}

inline bool holds_contains(const packed::Value& value, const packed::Value& operand) {
  if (value.tag == packed::Tag::kArray) return contains_element(value, operand);
  return value.tag == packed::Tag::kString && operand.tag == packed::Tag::kString &&
         contains_text(value.content, operand.content);
}

// Tests of one value that is there.
inline bool holds_for(const Node& node, const packed::Value& value) {
  switch (node.op) {
    case Op::kEq:
      return packed::compare_values(value, node.operand()) == 0;
    case Op::kIn:
      return List(node).contains(value);
    case Op::kAny:
    case Op::kAll:
      return holds_for_elements(node, value);
    case Op::kContains:
      return holds_contains(value, node.operand());
    case Op::kPrefix:
    case Op::kLike:
    case Op::kIlike:
      return holds_for_text(node.op, value, node.operand().content);
    case Op::kGt:
    case Op::kGte:
    case Op::kLt:
    case Op::kLte:
      return holds_in_order(node.op, value, node.operand());
    default:
      return false;
  }
}

// `value` is null where it is missing.
inline bool holds(const Node& node, const packed::Value* value) {
  Node child;
  switch (node.op) {
    case Op::kAnd:
      for (Nodes nodes(node.body); nodes.next(child);) {
        if (!holds(child, value)) return false;
      }
      return true;
    case Op::kOr:
      for (Nodes nodes(node.body); nodes.next(child);) {
        if (holds(child, value)) return true;
      }
      return false;
    case Op::kNot:
      return Nodes(node.body).next(child) && !holds(child, value);
    case Op::kAt:
      return holds_at(node, value);
    case Op::kExists:
      return (value != nullptr) == node.flag();
    case Op::kIsNull:
      return (value == nullptr || value->tag == packed::Tag::kNull) == node.flag();
    default:
      return value != nullptr && holds_for(node, *value);
  }
}

}  // namespace detail

inline bool matches(std::string_view program, const packed::Value& document) {
  return detail::holds(root_of(program), &document);
}

inline bool matches_like(std::string_view text, std::string_view pattern, Case mode) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = kNone;  // behind the last '%'
  std::size_t retry = 0;     // where the text behind it was tried last
  while (t < text.size()) {
    const bool is_open = p < pattern.size();
    if (is_open && pattern[p] == '%') {
      star = ++p;
      retry = t;
      continue;
    }
    if (is_open && pattern[p] == '_') {
      t += detail::character_bytes(text, t);
      ++p;
      continue;
    }
    const std::size_t literal = is_open && pattern[p] == '\\' && p + 1 < pattern.size() ? p + 1 : p;
    const char c = mode == Case::kFolded ? fold(text[t]) : text[t];
    if (is_open && c == pattern[literal]) {
      ++t;
      p = literal + 1;
      continue;
    }
    if (star == kNone) return false;
    retry += detail::character_bytes(text, retry);
    t = retry;
    p = star;
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

}  // namespace stator::filter
