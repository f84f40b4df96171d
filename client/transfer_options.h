// The command lines of `stator load`, `stator dump` and `stator pull-backup`.
#pragma once

#include <string>
#include <vector>

#include "dump_documents.h"
#include "load_documents.h"
#include "pull_backup.h"

namespace stator::client {

// `words` begin with the verb. Throw Failure: usage, and ok with the text of --help.
LoadOptions read_load_options(const std::vector<std::string>& words);
DumpOptions read_dump_options(const std::vector<std::string>& words);
PullOptions read_pull_options(const std::vector<std::string>& words);

}  // namespace stator::client
