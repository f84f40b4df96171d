// The op `digest`: sums over the primary state of every engine, as of one LSN.
#pragma once

#include <string>

#include "base/result.h"
#include "base/thread_role.h"
#include "server/standing_server.h"

namespace stator::server {

// {"lsn":N,"engines":{"ID":{"entries":N,"digest":"32 hex digits"},…}}. Error kCorrupted when lanes
// disagree on what every lane keeps.
Result<std::string> digest(const StandingServer& server) STATOR_ON(background);

}  // namespace stator::server
