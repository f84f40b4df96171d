// What a crash report says of a call of an engine, and what is compared with it later.
#pragma once

#include <cstdint>

#include "base/in_flight.h"
#include "bridge/task.h"
#include "plugin/catalog.h"

namespace stator::host {

// The call is a stator_call. Async-signal-safe.
void tell_of_call(const InFlight& call, CallFacts& facts);

// The same for the same op with the same arguments in the same collection, on every build and
// start. Of a request for one op. Async-signal-safe.
std::uint64_t request_hash(const bridge::Task& task, const plugin::Catalog& catalog);

}  // namespace stator::host
