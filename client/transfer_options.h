// The command lines of `stator load` and `stator dump`.
#pragma once

#include <string>
#include <vector>

#include "dump_documents.h"
#include "load_documents.h"

namespace stator::client {

// `words` begin with the verb. Throw Failure: usage, and ok with the text of --help.
LoadOptions read_load_options(const std::vector<std::string>& words);
DumpOptions read_dump_options(const std::vector<std::string>& words);

}  // namespace stator::client
