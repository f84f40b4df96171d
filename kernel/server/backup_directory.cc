#include "server/backup_directory.h"

#include "base/limits.h"
#include "base/log.h"

namespace stator::server {

Result<std::optional<ReadManifest>> BackupDirectory::read_base() {
  if (base_.empty()) return std::optional<ReadManifest>();
  auto read = read_manifest(files_, root_ + "/" + base_);
  if (!read.ok()) return Error(read.error().code(), "base", read.error().sentence());
  read.value().manifest.name = base_;
  return std::optional<ReadManifest>(read.take());
}

// Another server's backup of the same name would be taken for one that was broken off.
Status BackupDirectory::take_root() {
  STATOR_CHECK(files_.make_directory(root_));
  auto taken = files_.lock(root_ + "/.lock");
  if (taken.ok()) {
    lock_ = taken.take();
    return ok_status();
  }
  if (taken.error().code() == ErrorCode::kBusy) {
    return Error(ErrorCode::kBusy, "another server takes a backup: " + taken.error().sentence())
        .with_retry_after(kRetryBusyMs);
  }
  // A file system without locks, or the file of another user.
  log::warn("no other server may take a backup in " + root_ +
            " at the same time: " + taken.error().sentence());
  return ok_status();
}

Status BackupDirectory::begin() {
  STATOR_CHECK(take_root());
  STATOR_TRY(const bool is_there, files_.exists(place_));
  if (is_there) {
    return Error(ErrorCode::kDuplicateWrite, "name", "a backup '" + name_ + "' exists already");
  }
  STATOR_CHECK(files_.remove(partial_));  // of one that was broken off
  return files_.make_directory(partial_);
}

Status BackupDirectory::begin_file(const std::string& name) {
  STATOR_TRY(file_, files_.create(partial_ + "/" + name));
  written_ = 0;
  return ok_status();
}

Status BackupDirectory::add(ByteView bytes) {
  STATOR_CHECK(file_->write_at(written_, bytes));
  written_ += bytes.size();
  return ok_status();
}

Status BackupDirectory::end_file() {
  STATOR_CHECK(file_->sync());
  file_.reset();
  return ok_status();
}

Status BackupDirectory::publish() {
  STATOR_CHECK(files_.sync_directory(partial_));
  STATOR_CHECK(files_.rename(partial_, place_));
  return files_.sync_directory(root_);
}

void BackupDirectory::discard() {
  file_.reset();
  if (!files_.remove(partial_).ok())
    log::warn("what a failed backup left is still there: " + partial_);
}

}  // namespace stator::server
