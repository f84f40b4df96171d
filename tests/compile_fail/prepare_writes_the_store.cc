// must not compile: no member named 'put'
// prepare looks at the store and says what apply shall do.
#include "stator/engine.hpp"

namespace {

struct Engine {};

stator::Status prepare(const Engine&, const stator::Request& request, stator::Records& records,
                       stator::Reply&) {
#ifdef ALLOWED
  records.add(request.vshard(), 1, "payload");
#else
  static_cast<void>(records);
  request.kv().put(1, request.vshard(), "key", "value");
#endif
  return STATOR_OK;
}

}  // namespace

const stator::Op<Engine> kOp = {.row = {}, .prepare = &prepare};
