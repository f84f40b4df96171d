// must not compile: read-only|discards qualifiers|const-qualified
// Only apply may change an engine: prepare and read get it const.
#include "stator/engine.hpp"

namespace {

struct Engine {
  int count = 0;
};

stator::Status prepare(const Engine& engine, const stator::Request&, stator::Records&, stator::Reply&) {
#ifdef ALLOWED
  return engine.count == 0 ? STATOR_OK : STATOR_E_CONFLICT_RETRY;
#else
  ++engine.count;
  return STATOR_OK;
#endif
}

}  // namespace

const stator::Op<Engine> kOp = {.row = {}, .prepare = &prepare};
