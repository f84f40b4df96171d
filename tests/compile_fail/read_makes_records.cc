// must not compile: is private|private constructor
// What would be logged is made in prepare alone; a read has nothing to log.
#include "stator/engine.hpp"

namespace {

struct Engine {};

stator::Status read(const Engine&, const stator::Request& request, stator::Reply&) {
#ifdef ALLOWED
  static_cast<void>(request);
#else
  stator::Records(request.raw_call()).add(request.vshard(), 1, "payload");
#endif
  return STATOR_OK;
}

}  // namespace

const stator::Op<Engine> kOp = {.row = {}, .read = &read};
