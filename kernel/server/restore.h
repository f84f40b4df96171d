// Makes a data directory out of a backup (and of those it builds on): docs/formats/backup.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "io/file_system.h"
#include "wal/key_ring.h"

namespace stator::server {

struct Restored {
  Lsn lsn;                  // where a server that starts on it continues
  std::uint64_t bytes = 0;  // of the backups that were read
  std::uint64_t backups = 0;
};

// Checks every file of the backup `from` and of its bases before it writes anything. `data_dir`
// must not exist or be empty. The directory counts once its LAYOUT is there, which is written last.
// The log is encrypted if `keys` (may be null) has an active key.
// Errors name the file.
Result<Restored> restore(io::FileSystem& files, const std::string& from,
                         const std::string& data_dir, const wal::KeyRing* keys);

}  // namespace stator::server
