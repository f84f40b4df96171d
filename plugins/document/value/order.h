// The order of values, for range scans and indexes:
//   null < false < true < numbers < strings < arrays < objects
// Numbers by the decimal they denote (value/decimal.h), strings by bytes, arrays element by
// element, objects member by member in their stored order (key bytes, then value); where one is a
// beginning of the other, the shorter is smaller. -0 equals 0.
#pragma once

#include "value/value.h"

namespace stator::document {

// Bounds select within one class.
enum class TypeClass : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

TypeClass type_class(const Value& value);

// Negative, 0 or positive, as a is below, equal to or above b.
int compare_values(const Value& a, const Value& b);

}  // namespace stator::document
