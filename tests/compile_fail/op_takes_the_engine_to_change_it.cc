// must not compile: cannot convert|invalid conversion|no matches converting|cannot initialize|does not match
// The op's table takes no function that could change the engine.
#include "stator/engine.hpp"

namespace {

struct Engine {
  int count = 0;
};

#ifdef ALLOWED
stator::Status look(const Engine&, const stator::Request&, stator::Reply&) { return STATOR_OK; }
#else
stator::Status look(Engine& engine, const stator::Request&, stator::Reply&) {
  ++engine.count;
  return STATOR_OK;
}
#endif

}  // namespace

const stator::Op<Engine> kOp = {.row = {}, .read = &look};
