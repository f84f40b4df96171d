// The op `discard_to`: a server that lost the ownership of its data forgets what only it has.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "server/standing_server.h"

namespace stator::server {

// Every record above `to` is gone afterwards, from the log, the lanes and the engines, also after a
// restart. `user` asked for it: both stand in the server's log. Answers
// {"lsn":to,"discarded":records}. Errors change nothing: kRejectedConstraint (a checkpoint holds
// some of them already), kBadRequest
// (`to` is no end of a batch). What cannot be undone half-way ends the process; a start finishes
// it.
Result<std::string> discard_to(const StandingServer& server, Lsn to, const std::string& user)
    STATOR_ON(background);

}  // namespace stator::server
