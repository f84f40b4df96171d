// must not compile: 'put' requires holding thread role 'lane'
// A checkpoint goes on beside the lane, which alone may change the store.
#include "data/store/store.h"

namespace stator {

#ifdef ALLOWED
void body(store::Store& store) STATOR_ON(lane) {
#else
void body(store::Store& store) STATOR_ON(checkpointer) {
#endif
  store.put("key", VShardId{0}, "value");
}

}  // namespace stator
