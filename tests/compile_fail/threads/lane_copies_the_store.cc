// must not compile: 'copy' requires holding thread role 'background'
// It reads the whole base, for seconds.
#include "data/store/store.h"

namespace stator {

#ifdef ALLOWED
Status body(store::Store& store) STATOR_ON(background) {
#else
Status body(store::Store& store) STATOR_ON(lane) {
#endif
  return store.copy([](ByteView) { return ok_status(); });
}

}  // namespace stator
