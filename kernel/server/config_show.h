// A configuration as it is in force, for people.
#pragma once

#include <string>

#include "server/config.h"

namespace stator::server {

// A JSON object in the form of the file, with every setting that has a value. What follows from the
// machine (lanes, the memory limit) is not there unless it was set.
std::string show(const Config& config);

}  // namespace stator::server
