// must not compile: read-only|discards qualifiers|const-qualified
// Merging the lanes' parts looks at the engine and no more.
#include "stator/engine.hpp"

namespace {

struct Engine {
  int count = 0;
};

stator::Status merge(const Engine& engine, const stator::Request&, const stator::Parts& parts,
                     stator::Reply&) {
#ifdef ALLOWED
  return engine.count == 0 && parts.size() == 0 ? STATOR_OK : STATOR_E_NOT_FOUND;
#else
  engine.count = static_cast<int>(parts.size());
  return STATOR_OK;
#endif
}

}  // namespace

const stator::Op<Engine> kOp = {.row = {}, .merge = &merge};
