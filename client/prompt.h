// The prompt: lines from a terminal, with editing, history of this run, and completion of op names.
#pragma once

#include <string>

#include "session.h"

namespace stator::client {

// Runs lines until exit or the end of input. A refusal or a wrong line is shown and the prompt goes
// on. Throws Failure (connection) when the connection is gone.
void run_prompt(Session& session, const std::string& address);

}  // namespace stator::client
