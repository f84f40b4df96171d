#include "server/backup.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include "base/limits.h"
#include "base/log.h"
#include "base/thread_role.h"
#include "io/sha256.h"
#include "server/backup_manifest.h"
#include "wal/log_copy.h"

namespace stator::server {
namespace {

constexpr std::size_t kWriteBytes = 1u * 1024 * 1024;

// A file of the backup on its way to the target, summed.
class SummedFile {
 public:
  SummedFile(BackupTarget& target, std::string name) : target_(target) {
    file_.name = std::move(name);
  }

  Status begin() { return target_.begin_file(file_.name); }
  Status add(ByteView bytes) STATOR_ON(background) {
    buffer_.append(bytes);
    return buffer_.size() < kWriteBytes ? ok_status() : write_out();
  }
  Result<BackupFile> end() STATOR_ON(background) {
    STATOR_CHECK(write_out());
    STATOR_CHECK(target_.end_file());
    file_.sha256 = sum_.hex();
    return std::move(file_);
  }

 private:
  Status write_out() STATOR_ON(background) {
    sum_.add(buffer_);
    STATOR_CHECK(target_.add(buffer_));
    file_.bytes += buffer_.size();
    buffer_.clear();
    return ok_status();
  }

  BackupTarget& target_;
  BackupFile file_;
  io::Sha256 sum_;
  std::string buffer_;
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
  Backup(const BackupSources& sources, const std::string& name, BackupTarget& target,
         const std::atomic<bool>& is_stopping)
      : sources_(sources), target_(target), is_stopping_(is_stopping) {
    manifest_.version = STATOR_VERSION;
    manifest_.name = name;
    manifest_.lanes = static_cast<std::uint32_t>(sources_.stores.size());
    manifest_.created = utc(sources_.clock->wall_ms());
  }

  Result<BackupDone> run() STATOR_ON(background);

 private:
  Status read_base();
  Status write() STATOR_ON(background);
  Status copy_store(std::uint32_t lane) STATOR_ON(background);
  Status copy_stores() STATOR_ON(background);
  Status copy_layout() STATOR_ON(background);
  Status copy_log(Lsn from, Lsn to) STATOR_ON(background);
  Status copy_tail(Lsn to) STATOR_ON(background);
  Status note_end(Lsn last) STATOR_ON(background);
  Status publish() STATOR_ON(background);
  Status go_on() const;
  // `fill` adds the bytes.
  template <class Fill>
  Status copy_file(const std::string& name, const Fill& fill) STATOR_ON(background) {
    SummedFile file(target_, name);
    STATOR_CHECK(file.begin());
    STATOR_CHECK(fill(file));
    STATOR_TRY(BackupFile done, file.end());
    manifest_.files.push_back(std::move(done));
    return ok_status();
  }
  // A file that is not in the manifest.
  Status add_file(const std::string& name, ByteView text) STATOR_ON(background) {
    STATOR_CHECK(target_.begin_file(name));
    STATOR_CHECK(target_.add(text));
    return target_.end_file();
  }

  const BackupSources& sources_;
  BackupTarget& target_;
  const std::atomic<bool>& is_stopping_;
  std::optional<BackupManifest> base_;
  BackupManifest manifest_;
};

Error stopped() {
  return Error(ErrorCode::kBusy, "the server stops; no backup was made")
      .with_retry_after(kRetryBusyMs);
}

Status Backup::go_on() const {
  if (!is_stopping_.load(std::memory_order_relaxed)) return ok_status();
  return stopped();
}

Status Backup::read_base() {
  STATOR_TRY(std::optional<ReadManifest> read, target_.read_base());
  if (!read) return ok_status();
  manifest_.base = BackupBase{read->manifest.name, read->sha256};
  base_ = std::move(read->manifest);
  return ok_status();
}

Status Backup::copy_store(std::uint32_t lane) {
  return copy_file(backup_lane_file(lane), [&](SummedFile& file) STATOR_ON(background) {
    const auto sink = [&](ByteView piece) STATOR_ON(background) -> Status {
      STATOR_CHECK(go_on());
      return file.add(piece);
    };
    return sources_.stores[lane]->copy(sink);
  });
}

Status Backup::copy_stores() {
  for (std::uint32_t lane = 0; lane < manifest_.lanes; ++lane) STATOR_CHECK(copy_store(lane));
  return ok_status();
}

Status Backup::copy_layout() {
  STATOR_TRY(const std::string text, io::read_file(*sources_.files, sources_.data_dir + "/LAYOUT"));
  return copy_file(kBackupLayout,
                   [&](SummedFile& file) STATOR_ON(background) { return file.add(text); });
}

Status Backup::copy_log(Lsn from, Lsn to) {
  return copy_file(kBackupLog, [&](SummedFile& file) STATOR_ON(background) -> Status {
    if (from > to) return ok_status();
    const auto sink = [&](const wal::BatchReader& batch) STATOR_ON(background) -> Status {
      STATOR_CHECK(go_on());
      return file.add(batch.bytes());
    };
    STATOR_TRY(manifest_.log, wal::copy_batches(*sources_.log, from, to, sink));
    return ok_status();
  });
}

// Nothing is copied: where the log stands behind its last record.
Status Backup::note_end(Lsn last) {
  const auto sink = [](const wal::BatchReader&) { return ok_status(); };
  STATOR_TRY(const wal::CopiedRange end, wal::copy_batches(*sources_.log, last, last, sink));
  manifest_.log.begin = end.end;
  return ok_status();
}

// What an incremental backup adds: everything behind its base. Where that is nothing, the log's
// last batch must be the base's: another server's log, or one that was cut, may end with the same
// LSN.
Status Backup::copy_tail(Lsn to) {
  const auto unfit = [&](const std::string& why) {
    const std::string field = target_.base_field();
    return Error(ErrorCode::kRejectedPrevalidation, field, why)
        .with_hint("take a full backup: one without '" + field + "'");
  };
  const Lsn from = base_->log.end.next;
  manifest_.log = {base_->log.end, base_->log.end};
  if (base_->lsn > to)
    return unfit("the backup '" + base_->name + "' is of another server: it ends behind this one");
  Status copied = copy_log(from, to);
  if (copied.ok() && from > to) copied = note_end(to);
  if (!copied.ok() && copied.error().code() == ErrorCode::kNotFound) {
    return unfit("the log no longer has all that came since the backup '" + base_->name + "'");
  }
  if (!copied.ok()) return copied;
  const wal::LogPosition& begin = manifest_.log.begin;
  if (begin.next == from && begin.chain == base_->log.end.chain) return ok_status();
  return unfit("the backup '" + base_->name +
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
  if (manifest_.log.end.next != Lsn{manifest_.lsn.value() + 1}) {
    return Error(ErrorCode::kInternal, "the copy of the log does not end with the durable LSN");
  }
  const std::string text = format_manifest(manifest_);
  STATOR_CHECK(add_file(kBackupManifest, text));
  STATOR_CHECK(add_file(kBackupManifestSum, manifest_sum_line(io::sha256_hex(text))));
  STATOR_CHECK(go_on());
  return target_.publish();
}

Result<BackupDone> Backup::run() {
  STATOR_CHECK(read_base());
  STATOR_CHECK(target_.begin());
  Status written = write();
  if (written.ok()) written = publish();
  if (!written.ok()) {
    target_.discard();
    return std::move(written.error());
  }
  BackupDone done{manifest_.name, manifest_.lsn, 0, manifest_.files.size()};
  for (const BackupFile& file : manifest_.files) done.bytes += file.bytes;
  return done;
}

}  // namespace

Result<BackupDone> take_backup(const BackupSources& sources, const std::string& name,
                               BackupTarget& target, const std::atomic<bool>& is_stopping) {
  Result<BackupDone> done = Backup(sources, name, target, is_stopping).run();
  // A stop closes the stream that it waits in: that was not its client.
  const bool is_cancelled = !done.ok() && done.error().code() == ErrorCode::kCancelled;
  if (is_cancelled && is_stopping.load(std::memory_order_relaxed)) return stopped();
  return done;
}

}  // namespace stator::server
