// An independent model of the order of values, and random values to try it on. Numbers become
// fixed-point texts of equal length, so that comparing them is comparing bytes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "document_fixture.h"

namespace stator::document {

// Comparable with <; equal where the values are.
using ModelKey = std::pair<int, std::string>;

inline std::string fixed_point(std::string token) {
  constexpr std::size_t kWhole = 420;
  constexpr std::size_t kFraction = 1000;
  const bool negative = token.front() == '-';
  if (negative) token.erase(0, 1);
  int exponent = 0;
  if (const auto e = token.find_first_of("eE"); e != std::string::npos) {
    exponent = std::atoi(token.c_str() + e + 1);
    token.resize(e);
  }
  std::size_t dot = token.find('.');
  if (dot == std::string::npos) {
    dot = token.size();
  } else {
    token.erase(dot, 1);
  }
  std::string fixed(kWhole + kFraction, '0');
  const int start = static_cast<int>(kWhole) - static_cast<int>(dot) - exponent;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '0') fixed.at(static_cast<std::size_t>(start + static_cast<int>(i))) = token[i];
  }
  const bool zero = fixed.find_first_not_of('0') == std::string::npos;
  if (!negative || zero) return "1" + fixed;
  for (char& digit : fixed) digit = static_cast<char>('9' - digit + '0');
  return "0" + fixed;
}

// Knows scalars, and arrays and objects that hold one number: [n], {"k":n}.
inline ModelKey model_key(const std::string& text) {
  switch (text.front()) {
    case 'n':
      return {0, {}};
    case 'f':
      return {1, {}};
    case 't':
      return {2, {}};
    case '"':
      return {4, from_json(text)};
    case '[':
      return {5, fixed_point(elements(text).front())};
    case '{':
      return {6, fixed_point(member(text, "k"))};
    default:
      return {3, fixed_point(text)};
  }
}

class RandomValues {
 public:
  explicit RandomValues(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  template <class T, std::size_t N>
  const T& one_of(const std::array<T, N>& choices) {
    return choices[below(N)];
  }

  // A JSON text.
  std::string value() {
    switch (below(10)) {
      case 0:
        return one_of(std::to_array<std::string>({"null", "false", "true"}));
      case 1:
        return "[" + number() + "]";
      case 2:
        return "{\"k\":" + number() + "}";
      case 3:
      case 4:
      case 5:
        return to_json(string());
      default:
        return number();
    }
  }
  std::string scalar() {
    std::string text = value();
    while (text.front() == '[' || text.front() == '{') text = value();
    return text;
  }
  std::string number() {
    switch (below(6)) {
      case 0:
        return std::to_string(static_cast<int>(below(7)) - 3);
      case 1:
        return one_of(std::to_array<std::string>(
            {"1.0", "10e-1", "-0", "0.0", "1e0", "2.50", "25e-1", "1e400", "-1e400", "1e-400",
             "18446744073709551616", "0.1", "0.1000000000000000055511151231257827"}));
      case 2:
        return near_power();
      case 3:
        return any_double();
      case 4:
        return long_digits();
      default:
        return std::to_string(static_cast<std::int64_t>(random_()));
    }
  }
  std::string string() {
    static const auto kPieces = std::to_array<std::string>(
        {"", "a", "b", std::string("\0", 1), "\u00e9", "\U0001F600", "\x7f", "zz", ":"});
    std::string text;
    if (below(2) == 0)
      text.assign(one_of(std::to_array<std::size_t>({36, 38, 99, 100, 101, 130})), 'x');
    for (std::size_t i = below(4); i > 0; --i) text += one_of(kPieces);
    if (below(6) == 0) text.append(110, 'y');
    if (below(3) == 0) text += one_of(kPieces);
    return text;
  }
  std::string document_id() {
    static const auto kPieces = std::to_array<std::string>(
        {"a", "b", ":", std::string("\0", 1), "\u00e9", "\U0001F600", "\x01", "1"});
    std::string id = below(8) == 0 ? std::string(255, 'i') : one_of(kPieces);
    if (id.size() < 255 && below(2) == 0) id += one_of(kPieces);
    if (id.size() == 255) id += one_of(std::to_array<std::string>({"", "0", "1", ":"}));
    return id;
  }

 private:
  std::string near_power() {
    const std::uint64_t base = std::uint64_t{1} << one_of(std::to_array<int>({52, 53, 54, 62, 63}));
    const std::uint64_t number = base + below(5) - 2;
    return (below(3) == 0 ? "-" : "") + std::to_string(number) +
           one_of(std::to_array<std::string>({"", "", ".5", ".0", "e1"}));
  }
  std::string any_double() {
    double number = std::bit_cast<double>(random_());
    if (!std::isfinite(number)) number = 0.5;
    if (below(2) == 0) number = std::ldexp(std::fmod(number, 1e9), -3);
    char room[40];
    return {room, std::to_chars(room, room + sizeof room, number).ptr};
  }
  std::string long_digits() {
    std::string digits(one_of(std::to_array<std::size_t>({60, 72, 73, 189, 190, 191, 200})), '7');
    digits += std::to_string(below(3));
    if (below(2) == 0) digits.insert(1, ".");
    return (below(2) == 0 ? "-" : "") + digits;
  }

  std::mt19937_64 random_;
};

}  // namespace stator::document
