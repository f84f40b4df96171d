// The `fields` argument: which parts of a document an answer shows.
#pragma once

#include "stator/engine.hpp"

#include "packed_json.h"

namespace stator::document {

class Projection {
 public:
  // `index`: the STRVEC argument; absent = the whole document.
  Projection(const Args& args, std::size_t index) : args_(args), index_(index) {}

  // STATOR_OK, or a refusal that names the path at fault.
  Status check(Reply& reply) const;
  // The document, or {path: value} of those asked paths that it has, in the order asked; a path
  // asked twice is shown once. Allocates nothing.
  void write(json::Writer& writer, const Value& root) const;

 private:
  bool is_repeat(std::size_t k) const;

  Args args_;
  std::size_t index_;
};

}  // namespace stator::document
