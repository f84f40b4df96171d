// A backup that goes to a directory: ROOT/NAME.partial until all of it is synced, then ROOT/NAME.
// One at a time, whichever servers share ROOT: who takes one holds the lock ROOT/.lock.
#pragma once

#include <memory>

#include "io/file_system.h"
#include "server/backup_target.h"

namespace stator::server {

class BackupDirectory final : public BackupTarget {
 public:
  // `base`: name of the backup beside it that it continues; empty: it is a full one.
  BackupDirectory(io::FileSystem& files, std::string root, std::string name, std::string base)
      : files_(files),
        root_(std::move(root)),
        name_(std::move(name)),
        base_(std::move(base)),
        place_(root_ + "/" + name_),
        partial_(place_ + ".partial") {}

  Result<std::optional<ReadManifest>> read_base() override;
  std::string base_field() const override { return "base"; }
  Status begin() override;
  Status begin_file(const std::string& name) override;
  Status add(ByteView bytes) override STATOR_ON(background);
  Status end_file() override STATOR_ON(background);
  Status publish() override;
  void discard() override;

 private:
  Status take_root();

  io::FileSystem& files_;
  const std::string root_;
  const std::string name_;
  const std::string base_;
  const std::string place_;
  const std::string partial_;
  std::unique_ptr<io::File> lock_;  // of the root, against other servers
  std::unique_ptr<io::File> file_;  // that was begun
  std::uint64_t written_ = 0;       // of it
};

}  // namespace stator::server
