// Takes one backup of a server that goes on: a full one (the stores and the end of the log) or an
// incremental one (the log since another backup). docs/formats/backup.md says what is written,
// docs/adr/0011-backup.md why it is consistent.
//
// Thread: one that is not a lane, one backup at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "data/store/store.h"
#include "io/file_system.h"
#include "server/trim_gate.h"
#include "wal/log.h"

namespace stator::server {

// What is backed up, and where to. Outlives the backups.
struct BackupSources {
  io::FileSystem* files = nullptr;
  std::string root;  // backups go to root/NAME; empty: none is configured
  std::string data_dir;
  std::vector<store::Store*> stores;  // by lane
  wal::Log* log = nullptr;
  TrimGate* trims = nullptr;
  Clock* clock = nullptr;
};

struct BackupRequest {
  std::string name;
  std::string base;  // empty: a full backup
};

struct BackupDone {
  std::string name;
  Lsn lsn;
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
};

// Blocks. `is_stopping` ends it early, with kCancelled. Whatever the error, nothing is left under
// the backup's name. Errors: kDuplicateWrite (name), kNotFound and kRejectedPrevalidation (base),
// kCorrupted, kDiskFull, kStorage.
Result<BackupDone> take_backup(const BackupSources& sources, const BackupRequest& request,
                               const std::atomic<bool>& is_stopping) STATOR_ON(background);

}  // namespace stator::server
