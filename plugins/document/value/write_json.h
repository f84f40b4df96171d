// Stored form -> JSON text. Allocates nothing; recursion is bounded by json::kDepthMax.
#pragma once

#include "stator/json_writer.hpp"

#include "value/value.h"

namespace stator::document {

void write_json(json::Writer& writer, const Value& value);

}  // namespace stator::document
