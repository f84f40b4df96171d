// The `filter` argument: which documents an operation is about.
#pragma once

#include <string>
#include <string_view>

#include "stator/engine.hpp"
#include "stator/filter/compile.hpp"

#include "packed_json.h"

namespace stator::document {

class Selection {
 public:
  // STATOR_OK, or a refusal that names the place in the filter. An absent argument selects
  // everything. Call it once a lane and request; `selects` then parses nothing.
  Status compile(const Args& args, std::size_t index, const char* name, Reply& reply);
  bool selects(const Value& root) const {
    return program_.empty() || filter::matches(program_, root);
  }
  std::string_view program() const { return program_; }

 private:
  std::string program_;
};

}  // namespace stator::document
