// A number for a value, the same for all values that are equal by packed/order.hpp: 1, 1.0 and
// 10e-1 are one, and so are objects whose members stand in another order. It stands in cursors, so
// it is the same on every machine and in every version.
#pragma once

#include <cstdint>

#include "packed_json.h"

namespace stator::document {

std::uint64_t hash_of(const Value& value);

}  // namespace stator::document
