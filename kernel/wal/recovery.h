// What opening a local log finds on the disk, after a torn tail was cut.
#pragma once

#include <string>
#include <vector>

#include "io/file_system.h"
#include "wal/local_log.h"
#include "wal/segment.h"

namespace stator::wal {

struct Segment {
  Lsn first;
  std::string path;
};

struct RecoveredLog {
  std::vector<Segment> segments;  // oldest first; empty in a new directory
  LogPosition position;           // behind the last good batch
  std::uint64_t offset = 0;       // in the last segment, of the block behind that point
};

// Verifies every batch and the chain across segments. Errors: kCorrupted (the log is refused; the
// sentence names segment, offset and the last good LSN), kStorage.
Result<RecoveredLog> recover_log(io::FileSystem& files, const LocalLogOptions& options);

}  // namespace stator::wal
