// Which documents an operation is about: those of its `filter` argument that are not over.
#pragma once

#include <string>
#include <string_view>

#include "stator/engine.hpp"
#include "stator/filter/compile.hpp"

#include "index/expiry.h"
#include "packed_json.h"

namespace stator::document {

class DocumentEngine;

class Selection {
 public:
  // STATOR_OK, or a refusal that names the place in the filter. An absent argument selects
  // everything. Call it once a lane and request; `selects` then parses nothing.
  Status compile(const DocumentEngine& engine, const Request& request, std::size_t index,
                 const char* name, Reply& reply);
  bool selects(const Value& root) const {
    return (program_.empty() || filter::matches(program_, root)) &&
           (ttl_.empty() || !is_over(ttl_, root, now_ms_));
  }
  std::string_view program() const { return program_; }

 private:
  std::string program_;
  IndexDefinitions ttl_;  // copies: while the op is paused indexes come and go
  std::uint64_t now_ms_ = 0;
};

}  // namespace stator::document
