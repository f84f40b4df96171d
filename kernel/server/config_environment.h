// Settings of the environment: STATOR_SECTION__KEY, such as STATOR_SERVER__LANES=3 or
// STATOR_AUTH__JWT__ISSUER=https://login.example.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/config.h"

namespace stator::server {

// Takes each NAME=VALUE of `variables` that means a setting into `config`, before which it goes. A
// value is one of TOML, or a string without its quotes. Errors name the variable, and the nearest
// key that is known. The settings of engines and those without a section stand in the file alone.
Status read_environment(const std::vector<std::string>& variables, Config& config);

// The variables of this process.
std::vector<std::string> environment();

}  // namespace stator::server
