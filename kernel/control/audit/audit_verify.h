// Reads a whole audit log and says whether it is the one that was written. It needs no server and
// changes nothing.
#pragma once

#include <string>

#include "control/audit/audit_format.h"
#include "io/file_system.h"

namespace stator::audit {

struct VerifyReport {
  std::uint64_t files = 0;
  Position last;
  bool has_torn_line = false;  // a line without an end behind HEAD: of a power cut, or of a server that runs
};

// Error kCorrupted: file, line and what is wrong with it; the log is not what was written. `expected`: a
// position noted elsewhere, or none (sequence 0); whoever can write the files could write HEAD too.
Result<VerifyReport> verify(io::FileSystem& files, const std::string& directory, const Position& expected);

}  // namespace stator::audit
