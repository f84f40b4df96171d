// Where a backup goes: to a directory of this machine, or to a client.
//
// Thread: the backup worker's. The files come one after the other, in the order of their manifest,
// which is the last but for its sum.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/thread_role.h"
#include "server/backup_manifest.h"

namespace stator::server {

class BackupTarget {
 public:
  virtual ~BackupTarget() = default;
  // The backup that this one continues, by the name it has where this one goes; none for a full
  // one. Error: with the field it is about.
  virtual Result<std::optional<ReadManifest>> read_base() = 0;
  // The argument that named it.
  virtual std::string base_field() const = 0;
  // Nothing of it is there yet. Error: kDuplicateWrite.
  virtual Status begin() = 0;
  virtual Status begin_file(const std::string& name) = 0;
  // More of the file that was begun. May block for as long as who takes it does.
  virtual Status add(ByteView bytes) STATOR_ON(background) = 0;
  // All of the file was added.
  virtual Status end_file() STATOR_ON(background) = 0;
  // Every file is there: it is a backup now.
  virtual Status publish() = 0;
  // It failed, wherever: nothing is left under its name.
  virtual void discard() = 0;
};

}  // namespace stator::server
