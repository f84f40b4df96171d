// What stator-plugin-check wrote about a library (--conformance FILE): which bytes passed what.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stator::plugin {

struct Conformance {
  std::string sha256;  // of the library
  std::uint32_t level =
      0;  // of the check, all of which it has passed; 0: not all, or not all asked
};
// Error (kBadRequest): a sentence to follow the file's name.
Result<Conformance> parse_conformance(std::string_view json);

}  // namespace stator::plugin
