// The op table as OpenAPI 3.1: a path for each op, with the schema of its arguments.
#pragma once

#include <string>

#include "control/ops/op_table.h"

namespace stator::http {

std::string openapi(const ops::OpTable& table);

}  // namespace stator::http
