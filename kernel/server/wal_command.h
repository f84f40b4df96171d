// `statord wal inspect|verify|cut`: looks at the log of a stopped data directory, and makes it
// shorter. Answers are JSON, one object a line.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>

#include "base/result.h"

namespace stator::server {

struct WalCommand {
  enum class Action : std::uint8_t { kInspect, kVerify, kCut };
  Action action = Action::kInspect;
  std::string data_dir;
  std::string key_file;  // of an encrypted log; else empty
  // inspect
  bool has_records = false;  // one line per record, too
  bool has_payloads = false;
  std::uint64_t from = 1;
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  // cut
  std::uint64_t cut_to = 0;
  bool is_sure = false;
};

// The program's exit code: 1 for a log that verify finds damaged. Errors: one sentence; kStorage
// when a server runs on the directory.
Result<int> run_wal_command(const WalCommand& command, std::ostream& out);

}  // namespace stator::server
