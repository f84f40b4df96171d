// The log in files of one directory: segments NNNNNNNNNNNNNNNNNNNN.wal (first LSN, 20 digits).
//
// One writer thread takes everything that was appended since its last commit and makes it durable
// with one direct write (O_DIRECT|O_DSYNC): the previous commit is the batching window, there are
// no timers. Opening cuts a torn tail of the last segment (counted and logged); damage anywhere
// else is not the end of the log: open refuses, naming segment, offset and the last good LSN.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "io/file_system.h"
#include "wal/key_ring.h"
#include "wal/log.h"

namespace stator::wal {

struct LocalLogOptions {
  std::string directory;
  std::size_t segment_bytes;        // kWalSegmentBytes; tests set less
  std::uint64_t oldest_needed = 1;  // LSN; segments before it may be missing
  bool is_made_ahead = true;        // the next segment's file, on a thread of its own
  // Every record that opening looks at, which are those from oldest_needed on and some before. May
  // be none.
  std::function<void(const RecordView&, Lsn)> on_record = {};
  std::uint64_t newest_held = 0;  // LSN; some store holds records up to here: the log must reach it
  // Without it, or without an active key, new segments are plain. Outlives the log; may be given
  // another active key at any time, which the next commit takes with a segment of its own.
  const KeyRing* keys = nullptr;
};

// Errors: kCorrupted (refused), kCrypto (a key is missing or wrong), kStorage.
Result<std::unique_ptr<Log>> open_local_log(io::FileSystem& files, const LocalLogOptions& options);

}  // namespace stator::wal
