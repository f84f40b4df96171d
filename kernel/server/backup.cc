#include "server/backup.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include "base/log.h"
#include "base/thread_role.h"
#include "io/sha256.h"
#include "server/backup_manifest.h"
#include "wal/log_copy.h"

namespace stator::server {
namespace {

constexpr std::size_t kWriteBytes = 1u * 1024 * 1024;

// A file of the backup: written once, summed on the way.
class SummedFile {
 public:
  explicit SummedFile(std::unique_ptr<io::File> file) : file_(std::move(file)) {}

  Status add(ByteView bytes) {
    buffer_.append(bytes);
    return buffer_.size() < kWriteBytes ? ok_status() : write_out();
  }
  // Synced.
  Result<BackupFile> finish(const std::string& name) {
    STATOR_CHECK(write_out());
    STATOR_CHECK(file_->sync());
    return BackupFile{name, written_, sum_.hex()};
  }

 private:
  Status write_out() {
    sum_.add(buffer_);
    STATOR_CHECK(file_->write_at(written_, buffer_));
    written_ += buffer_.size();
    buffer_.clear();
    return ok_status();
  }

  std::unique_ptr<io::File> file_;
  io::Sha256 sum_;
  std::string buffer_;
  std::uint64_t written_ = 0;
};

std::string utc(std::uint64_t wall_ms) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

class Backup {
 public:
  Backup(const BackupSources& sources, const BackupRequest& request,
         const std::atomic<bool>& is_stopping)
      : sources_(sources),
        request_(request),
        is_stopping_(is_stopping),
        place_(sources.root + "/" + request.name),
        partial_(place_ + ".partial") {}

  Result<BackupDone> run() STATOR_ON(background);

 private:
  Status prepare();
  Status read_base();
  Status write() STATOR_ON(background);
  Status copy_stores() STATOR_ON(background);
  Status copy_layout();
  Status copy_log(Lsn from, Lsn to);
  Status copy_tail(Lsn to);
  Status publish();
  Status go_on() const;
  Result<SummedFile> create(const std::string& name) {
    STATOR_TRY(std::unique_ptr<io::File> file, sources_.files->create(partial_ + "/" + name));
    return SummedFile(std::move(file));
  }

  const BackupSources& sources_;
  const BackupRequest& request_;
  const std::atomic<bool>& is_stopping_;
  const std::string place_;
  const std::string partial_;
  std::optional<BackupManifest> base_;
  BackupManifest manifest_;
};

Status Backup::go_on() const {
  if (!is_stopping_.load(std::memory_order_relaxed)) return ok_status();
  return Error(ErrorCode::kCancelled, "the server stops; no backup was made");
}

Status Backup::read_base() {
  if (request_.base.empty()) return ok_status();
  auto read = read_manifest(*sources_.files, sources_.root + "/" + request_.base);
  if (!read.ok()) return Error(read.error().code(), "base", read.error().sentence());
  manifest_.base = BackupBase{request_.base, read.value().sha256};
  base_ = std::move(read.value().manifest);
  return ok_status();
}

Status Backup::prepare() {
  io::FileSystem& files = *sources_.files;
  STATOR_TRY(const bool is_there, files.exists(place_));
  if (is_there) {
    return Error(ErrorCode::kDuplicateWrite, "name",
                 "a backup '" + request_.name + "' exists already");
  }
  STATOR_CHECK(read_base());
  manifest_.version = STATOR_VERSION;
  manifest_.name = request_.name;
  manifest_.lanes = static_cast<std::uint32_t>(sources_.stores.size());
  manifest_.created = utc(sources_.clock->wall_ms());
  STATOR_CHECK(files.remove(partial_));  // of one that was broken off
  return files.make_directory(partial_);
}

Status Backup::copy_stores() {
  for (std::uint32_t lane = 0; lane < manifest_.lanes; ++lane) {
    STATOR_TRY(SummedFile file, create(backup_lane_file(lane)));
    const auto sink = [&](ByteView piece) -> Status {
      STATOR_CHECK(go_on());
      return file.add(piece);
    };
    STATOR_CHECK(sources_.stores[lane]->copy(sink));
    STATOR_TRY(BackupFile done, file.finish(backup_lane_file(lane)));
    manifest_.files.push_back(std::move(done));
  }
  return ok_status();
}

Status Backup::copy_layout() {
  STATOR_TRY(const std::string text, io::read_file(*sources_.files, sources_.data_dir + "/LAYOUT"));
  STATOR_TRY(SummedFile file, create(kBackupLayout));
  STATOR_CHECK(file.add(text));
  STATOR_TRY(BackupFile done, file.finish(kBackupLayout));
  manifest_.files.push_back(std::move(done));
  return ok_status();
}

Status Backup::copy_log(Lsn from, Lsn to) {
  STATOR_TRY(SummedFile file, create(kBackupLog));
  const auto sink = [&](const wal::BatchReader& batch) -> Status {
    STATOR_CHECK(go_on());
    return file.add(batch.bytes());
  };
  if (from <= to) {
    STATOR_TRY(manifest_.log, wal::copy_batches(*sources_.log, from, to, sink));
  }
  STATOR_TRY(BackupFile done, file.finish(kBackupLog));
  manifest_.files.push_back(std::move(done));
  return ok_status();
}

// What an incremental backup adds: everything behind its base.
Status Backup::copy_tail(Lsn to) {
  const auto unfit = [&](const std::string& why) {
    return Error(ErrorCode::kRejectedPrevalidation, "base", why)
        .with_hint("take a full backup: one without 'base'");
  };
  const Lsn from = base_->log.end.next;
  manifest_.log = {base_->log.end, base_->log.end};
  if (base_->lsn > to)
    return unfit("the backup '" + request_.base +
                 "' is of another server: it ends behind this one");
  Status copied = copy_log(from, to);
  if (!copied.ok() && copied.error().code() == ErrorCode::kNotFound) {
    return unfit("the log no longer has all that came since the backup '" + request_.base + "'");
  }
  if (!copied.ok()) return copied;
  const wal::LogPosition& begin = manifest_.log.begin;
  if (begin.next == from && begin.chain == base_->log.end.chain) return ok_status();
  return unfit("the backup '" + request_.base +
               "' is of another server: this one's log does not continue it");
}

Status Backup::write() {
  const TrimHold hold(*sources_.trims);
  if (base_) {
    manifest_.lsn = sources_.log->durable();
    return copy_tail(manifest_.lsn);
  }
  const Lsn oldest = sources_.trims->oldest_applied();
  STATOR_CHECK(copy_stores());
  STATOR_CHECK(copy_layout());
  // After the stores: no copy holds anything newer than what is durable now.
  manifest_.lsn = sources_.log->durable();
  // One batch at least: it tells where the log goes on.
  return copy_log(std::min(Lsn{oldest.value() + 1}, manifest_.lsn), manifest_.lsn);
}

Status Backup::publish() {
  io::FileSystem& files = *sources_.files;
  if (manifest_.log.end.next != Lsn{manifest_.lsn.value() + 1}) {
    return Error(ErrorCode::kInternal, "the copy of the log does not end with the durable LSN");
  }
  STATOR_CHECK(write_manifest(files, partial_, manifest_));
  STATOR_CHECK(files.sync_directory(partial_));
  STATOR_CHECK(go_on());
  STATOR_CHECK(files.rename(partial_, place_));
  return files.sync_directory(sources_.root);
}

Result<BackupDone> Backup::run() {
  STATOR_CHECK(prepare());
  Status written = write();
  if (written.ok()) written = publish();
  if (!written.ok()) {
    if (!sources_.files->remove(partial_).ok())
      log::warn("what a failed backup left is still there: " + partial_);
    return std::move(written.error());
  }
  BackupDone done{request_.name, manifest_.lsn, 0, manifest_.files.size()};
  for (const BackupFile& file : manifest_.files) done.bytes += file.bytes;
  return done;
}

}  // namespace

Result<BackupDone> take_backup(const BackupSources& sources, const BackupRequest& request,
                               const std::atomic<bool>& is_stopping) {
  return Backup(sources, request, is_stopping).run();
}

}  // namespace stator::server
