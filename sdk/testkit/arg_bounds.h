// The bounds of an argument (stator_arg.min and .max): inclusive; both 0 = none of its own.
#pragma once

#include <string>

#include "stator/json_writer.hpp"
#include "stator/op.h"

namespace stator::testkit {

inline bool is_bounded(const stator_arg& arg) { return arg.min != 0 || arg.max != 0; }
// long double holds every 64-bit whole number, so the comparison is exact.
template <class T>
bool in_range(const stator_arg& arg, T value) {
  const auto exact = static_cast<long double>(value);
  return !is_bounded(arg) ||
         (exact >= static_cast<long double>(arg.min) && exact <= static_cast<long double>(arg.max));
}
inline std::string range(const stator_arg& arg) {
  json::StringOut out;
  json::Writer(out).number(arg.min);
  out.put(" to ");
  json::Writer(out).number(arg.max);
  return out.take();
}

}  // namespace stator::testkit
