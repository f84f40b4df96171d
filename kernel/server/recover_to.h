// `--recover-to LSN`: cuts a damaged log before it is opened.
#pragma once

#include "io/file_system.h"
#include "wal/local_log.h"

namespace stator::server {

// Says in the log what is dropped, then cuts. Does nothing when the log is whole and ends at `to`;
// a whole log that goes on behind it is kBadRequest: an option that was left in a script must not
// drop what was written since.
Status recover_to(io::FileSystem& files, const wal::LocalLogOptions& options, Lsn to);

}  // namespace stator::server
