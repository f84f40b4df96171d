// Paths into a document: segments joined by '.', as in "address.city" or "tags.0". A segment names
// a member of an object; of an array it is the element's number, decimal, from 0. A dot always
// separates: a key that contains one cannot be named.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "stator/packed/value.hpp"

namespace stator::packed {

inline constexpr std::size_t kPathBytesMax = 512;

// 1..kPathBytesMax bytes, no empty segment.
bool is_valid_path(std::string_view path);

// False if the document has nothing there. Allocates nothing.
bool find_path(const Value& root, std::string_view path, Value& out);

namespace detail {

inline bool find_element(const Value& array, std::string_view segment, Value& out) {
  if (segment.size() > 1 && segment.front() == '0') return false;
  std::uint32_t index = 0;
  const char* end = segment.data() + segment.size();
  const auto [ptr, status] = std::from_chars(segment.data(), end, index);
  if (status != std::errc() || ptr != end) return false;
  Elements elements(array);
  while (elements.next(out)) {
    if (index-- == 0) return true;
  }
  return false;
}

inline bool find_segment(const Value& parent, std::string_view segment, Value& out) {
  if (parent.tag == Tag::kObject) return Members(parent).find(segment, out);
  return parent.tag == Tag::kArray && find_element(parent, segment, out);
}

}  // namespace detail

inline bool is_valid_path(std::string_view path) {
  return !path.empty() && path.size() <= kPathBytesMax && path.front() != '.' &&
         path.back() != '.' && path.find("..") == std::string_view::npos;
}

inline bool find_path(const Value& root, std::string_view path, Value& out) {
  Value at = root;
  while (true) {
    const std::size_t dot = path.find('.');
    Value child;
    if (!detail::find_segment(at, path.substr(0, dot), child)) return false;
    if (dot == std::string_view::npos) {
      out = child;
      return true;
    }
    at = child;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace stator::packed
