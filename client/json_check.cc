#include "json_check.h"

#include <algorithm>
#include <cstring>

#include "stator/json_writer.hpp"

namespace stator::client {

bool is_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t eight = 0;
    if (text.size() - i >= sizeof eight) {
      std::memcpy(&eight, bytes + i, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    const std::size_t length = json::detail::utf8_length(bytes + i, text.size() - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

bool KeyCheck::pass(json::Reader& reader) {
  keys_.clear();
  unescaped_.clear();
  duplicate_.clear();
  return pass_value(reader);
}

bool KeyCheck::pass_value(json::Reader& reader) {
  const json::Kind kind = reader.peek();
  if (kind == json::Kind::kObject) return pass_object(reader);
  if (kind != json::Kind::kArray) {
    std::string_view raw;
    return reader.skip(raw);
  }
  for (reader.enter_array(); reader.next_element();) {
    if (!pass_value(reader)) return false;
  }
  return !reader.failed();
}

bool KeyCheck::pass_object(json::Reader& reader) {
  const std::size_t first = keys_.size();
  json::RawString key;
  for (reader.enter_object(); reader.next_key(key);) {
    if (key.escaped) {
      keys_.push_back(unescaped_.emplace_back(json::unescape(key)));
    } else {
      keys_.push_back(key.text);
    }
    if (!pass_value(reader)) return false;
  }
  const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first);
  std::sort(begin, keys_.end());
  const auto twice = std::adjacent_find(begin, keys_.end());
  if (twice != keys_.end()) {
    duplicate_ = *twice;
    return false;
  }
  keys_.resize(first);
  return !reader.failed();
}

}  // namespace stator::client
