// must not compile: 'flush' requires holding thread role 'lane'
// A function that says nothing is for any thread: it cannot pass a call on to a lane's.
#include "control/dispatch/dispatcher.h"

namespace stator {

#ifdef ALLOWED
void between(dispatch::Dispatcher& dispatcher) STATOR_ON(lane) { dispatcher.flush(); }
#else
void between(dispatch::Dispatcher& dispatcher) { dispatcher.flush(); }
#endif

}  // namespace stator
