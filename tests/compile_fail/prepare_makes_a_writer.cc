// must not compile: is private|private constructor
// The writer of the store is made for apply alone.
#include "stator/engine.hpp"

namespace {

struct Engine {};

stator::Status prepare(const Engine&, const stator::Request& request, stator::Records&,
                       stator::Reply&) {
#ifdef ALLOWED
  stator::Kv kv(request.raw_call());
#else
  stator::KvWriter kv(request.raw_call());
#endif
  std::string_view value;
  kv.get(1, "key", value);
  return STATOR_OK;
}

}  // namespace

const stator::Op<Engine> kOp = {.row = {}, .prepare = &prepare};
