// What opening a local log makes of what it finds on the disk: a torn tail is cut, damage is
// refused.
#pragma once

#include <optional>
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
  std::uint64_t torn_bytes = 0;   // of a torn tail that was cut
};

// Verifies every batch and the chain across segments. Errors: kCorrupted (the log is refused; the
// sentence names segment, offset and the last good LSN), kCrypto, kStorage.
Result<RecoveredLog> recover_log(io::FileSystem& files, const LocalLogOptions& options);

// Where a log with this damage can be cut: behind its last good record, or behind what every store
// holds. Nothing: no cut mends it.
std::optional<Lsn> cut_target(const CheckOptions& options, const LogCheck& check);
// What can be done about it, for people: the command that goes on, and what is lost.
std::string way_on(const CheckOptions& options, const LogCheck& check);

}  // namespace stator::wal
