// must not compile: no member named 'put'
// A request can look at the store and nothing else.
#include "stator/engine.hpp"

namespace {

struct Engine {};

stator::Status read(const Engine&, const stator::Request& request, stator::Reply&) {
  std::string_view value;
  request.kv().get(1, "key", value);
#ifndef ALLOWED
  request.kv().put(1, 0, "key", "value");
#endif
  return STATOR_OK;
}

}  // namespace

const stator::Op<Engine> kOp = {.row = {}, .read = &read};
