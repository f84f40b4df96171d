// Reads one JSON value into one slot of an argument block, checking type and bounds.
#pragma once

#include "base/result.h"
#include "control/ops/arg_set.h"

namespace stator::ops {

// Everything but ROWS. The error names the field as `path` and says what was expected.
Status bind_value(const stator_arg& arg, const BlockAt& block, stator_value& value,
                  json::Reader& reader, const FieldPath& path);

}  // namespace stator::ops
