// What a line must be before it becomes a document: UTF-8, one JSON value, no key twice.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"

namespace stator::client {

bool is_utf8(std::string_view text);

// Walks over one JSON value and finds an object that has a key twice: the server would keep the
// last value and say nothing.
class KeyCheck {
 public:
  // Passes the value. False: the reader failed, or duplicate() tells a key.
  bool pass(json::Reader& reader);
  const std::string& duplicate() const { return duplicate_; }

 private:
  bool pass_value(json::Reader& reader);
  bool pass_object(json::Reader& reader);

  std::vector<std::string_view> keys_;  // of the objects that are open
  std::deque<std::string> unescaped_;   // those of them that are written with escapes
  std::string duplicate_;
};

}  // namespace stator::client
