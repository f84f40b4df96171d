// What the files of a log hold, found without changing any of them: opening, `wal verify` and a cut
// begin with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "wal/key_ring.h"
#include "wal/segment_reader.h"

namespace stator::wal {

struct Segment {
  Lsn first;
  std::string path;
};

// The segments of a directory, oldest first. Files of other names are logged and left out.
Result<std::vector<Segment>> find_segments(io::FileSystem& files, const std::string& directory);

// Where a log stops being readable, and why.
struct LogFault {
  std::string path;
  std::uint64_t offset = 0;
  std::string reason;
  bool is_foreign = false;  // what is there is whole, but of another log or of a newer version
  std::uint64_t end = 0;    // behind the last commit there, whole or not
  bool is_stray = false;    // a file is none of this log, whose other files may be whole
};

struct CheckOptions {
  std::string directory;
  std::uint64_t oldest_needed = 1;  // LSN; every store holds the records before it
  std::uint64_t newest_held = 0;    // LSN; some store holds records up to here
  bool is_whole = false;            // looks at the segments that nobody needs, too
  RecordVisitor on_record = {};     // may be none
  const KeyRing* keys = nullptr;    // of a log that is encrypted, in whole or in part

  // Every store holds the same: the log is needed behind it only.
  bool is_all_held() const { return newest_held > 0 && newest_held + 1 == oldest_needed; }
};

struct LogCheck {
  std::vector<Segment> segments;  // all of the directory, oldest first
  Lsn begin{1};                   // the first LSN that was looked at
  LogPosition position;           // behind the last good batch
  std::uint64_t offset = 0;       // in the last segment, of the block behind that point
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::optional<LogFault> torn;  // the last commit was cut off; nobody was told that it is durable
  std::optional<LogFault> damage;  // acknowledged records cannot be read
  // The first segment says where the log begins: without its header nothing can be kept.
  bool has_beginning() const {
    return !damage || damage->offset != 0 || damage->path != segments.front().path ||
           last_good() == Lsn{0};
  }
  Lsn last_good() const { return Lsn{position.next.value() - 1}; }
};

// Looks at every batch and at the chain across segments, up to the first damage. Errors: kCorrupted
// when records are missing at either end, kCrypto when a key is, kStorage.
Result<LogCheck> check_log(io::FileSystem& files, const CheckOptions& options);

// The command that lets the log in `directory` (DATA_DIR/wal) end with `to`; names the key file.
std::string cut_command(const std::string& directory, Lsn to, const KeyRing* keys = nullptr);

}  // namespace stator::wal
