// Help texts made from the server's op table.
#pragma once

#include <string>

#include "catalog.h"

namespace stator::client {

// Every op with its engine and first sentence, by engine.
std::string ops_text(const Catalog& catalog);

// Usage, arguments with types, bounds and defaults, the answer and an example of one op.
std::string help_text(const OpInfo& op);

}  // namespace stator::client
