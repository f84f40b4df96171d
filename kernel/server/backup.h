// Takes one backup of a server that goes on: a full one (the stores and the end of the log) or an
// incremental one (the log since another backup). docs/formats/backup.md says what is written,
// docs/adr/0011-backup.md why it is consistent.
//
// Thread: one that is not a lane, one backup at a time.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_role.h"
#include "data/store/store.h"
#include "io/file_system.h"
#include "server/backup_done.h"
#include "server/backup_target.h"
#include "server/trim_gate.h"
#include "wal/log.h"

namespace stator::server {

// What is backed up. Outlives the backups.
struct BackupSources {
  io::FileSystem* files = nullptr;
  std::string root;  // where backups go that stay here, as root/NAME; empty: none is configured
  std::string data_dir;
  std::vector<store::Store*> stores;  // by lane
  wal::Log* log = nullptr;
  TrimGate* trims = nullptr;
  Clock* clock = nullptr;
};

// Blocks. `is_stopping` ends it early, with kBusy. Whatever the error, nothing is left under
// the backup's name. Errors: kDuplicateWrite (name), kNotFound and kRejectedPrevalidation (base),
// kCorrupted, kDiskFull, kStorage, and what `target` says.
Result<BackupDone> take_backup(const BackupSources& sources, const std::string& name,
                               BackupTarget& target, const std::atomic<bool>& is_stopping)
    STATOR_ON(background);

}  // namespace stator::server
