// Values as they stand in JSON: strings, bytes as base64, vectors as arrays of numbers or as base64
// of little-endian float32.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "stator/json_reader.hpp"

#include "base64.h"

namespace stator::testkit {

// `text` is one JSON value; false if it is no string.
inline bool read_string(std::string_view text, std::string& out) {
  json::Reader reader(text);
  json::RawString raw;
  if (reader.peek() != json::Kind::kString || !reader.string(raw)) return false;
  out = json::unescape(raw);
  return true;
}

enum class F32VecFault { kNone, kNoVector, kNoNumber, kNotFinite };

// At a fault of an element `numbers` holds those before it, so its size is the element's index.
inline F32VecFault read_f32vec(std::string_view text, std::vector<float>& numbers) {
  json::Reader reader(text);
  if (reader.peek() == json::Kind::kArray) {
    for (reader.enter_array(); reader.next_element();) {
      std::string_view token;
      if (reader.peek() != json::Kind::kNumber || !reader.number(token)) {
        return F32VecFault::kNoNumber;
      }
      double number = 0;
      if (!json::to_double(token, number)) return F32VecFault::kNotFinite;
      if (std::abs(number) > std::numeric_limits<float>::max()) return F32VecFault::kNotFinite;
      numbers.push_back(static_cast<float>(number));
    }
    return F32VecFault::kNone;
  }
  std::string base64;
  std::string bytes;
  if (!read_string(text, base64) || !decode_base64(base64, bytes)) return F32VecFault::kNoVector;
  if (bytes.size() % sizeof(float) != 0) return F32VecFault::kNoVector;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float number = 0;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    if (!std::isfinite(number)) return F32VecFault::kNotFinite;
    numbers.push_back(number);
  }
  return F32VecFault::kNone;
}

}  // namespace stator::testkit
