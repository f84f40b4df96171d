#include "value/path.h"

#include <charconv>
#include <cstdint>

namespace stator::document {
namespace {

bool find_element(const Value& array, std::string_view segment, Value& out) {
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

bool find_segment(const Value& parent, std::string_view segment, Value& out) {
  if (parent.tag == Tag::kObject) return Members(parent).find(segment, out);
  return parent.tag == Tag::kArray && find_element(parent, segment, out);
}

}  // namespace

bool is_valid_path(std::string_view path) {
  return !path.empty() && path.size() <= kPathBytesMax && path.front() != '.' &&
         path.back() != '.' && path.find("..") == std::string_view::npos;
}

bool find_path(const Value& root, std::string_view path, Value& out) {
  Value at = root;
  while (true) {
    const std::size_t dot = path.find('.');
    Value child;
    if (!find_segment(at, path.substr(0, dot), child)) return false;
    if (dot == std::string_view::npos) {
      out = child;
      return true;
    }
    at = child;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace stator::document
