// What opening a local log makes of what it finds on the disk: a torn tail is cut, damage is
// refused.
#pragma once

#include <string>
#include <vector>

#include "io/file_system.h"
#include "wal/local_log.h"
#include "wal/log_check.h"

namespace stator::wal {

struct RecoveredLog {
  std::vector<Segment> segments;  // oldest first; empty in a new directory
  LogPosition position;           // behind the last good batch
  std::uint64_t offset = 0;       // in the last segment, of the block behind that point
};

// Verifies every batch and the chain across segments. Errors: kCorrupted (the log is refused; the
// sentence names segment, offset and the last good LSN), kStorage.
Result<RecoveredLog> recover_log(io::FileSystem& files, const LocalLogOptions& options);

// What can be done about the damage that a check found: the command that goes on, and what is lost.
// `newest_held` as in CheckOptions.
std::string way_on(const std::string& directory, const LogCheck& check, std::uint64_t newest_held);
// The command alone; empty where a cut is no way.
std::string cut_command(const std::string& directory, const LogCheck& check,
                        std::uint64_t newest_held);

}  // namespace stator::wal
