// The op table as JSON: the answer of `describe`, from which clients, docs and tests are made.
#pragma once

#include <string>
#include <string_view>

#include "stator/json_writer.hpp"

#include "base/result.h"
#include "control/ops/op_table.h"

namespace stator::session {

struct DescribeFilter {
  std::string_view name;    // one op, empty = all
  std::string_view engine;  // ops of one engine, empty = all
};

// Error: kUnknownOp for a name that nobody has.
Result<std::string> describe(const ops::OpTable& table, const DescribeFilter& filter);

// A bound of an argument; whole numbers without an exponent: not everybody takes 1e+05 for one.
void write_bound(json::Writer& json, std::string_view name, double value);

}  // namespace stator::session
