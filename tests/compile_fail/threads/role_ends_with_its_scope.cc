// must not compile: 'receive' requires holding thread role 'lane'
#include "control/net/event_loop.h"

namespace stator {

void body(net::EventLoop& events) {
  {
    const ActsAs role(threads::lane);
    events.receive(0);
  }
#ifndef ALLOWED
  events.receive(0);
#endif
}

}  // namespace stator
