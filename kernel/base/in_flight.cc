#include "base/in_flight.h"

namespace stator {

constinit thread_local const InFlight* in_flight = nullptr;

}  // namespace stator
