#include "server/restore.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "io/sha256.h"
#include "server/backup_manifest.h"
#include "server/layout.h"
#include "wal/log_copy.h"

namespace stator::server {
namespace {

constexpr std::size_t kPieceBytes = 4u * 1024 * 1024;

Error corrupted(std::string sentence) { return Error(ErrorCode::kCorrupted, std::move(sentence)); }

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

// So that it has a parent, as "." has.
std::string whole_path(const std::string& path) {
  std::error_code code;
  const std::string whole = std::filesystem::absolute(path, code).lexically_normal();
  return without_slashes(code ? path : whole);
}

// Gives the bytes of a file to `sink`, piece by piece.
template <class Sink>
Status read_pieces(io::FileSystem& files, const std::string& path, const Sink& sink) {
  STATOR_TRY(const std::unique_ptr<io::File> file, files.open_to_read(path));
  for (std::uint64_t offset = 0;;) {
    STATOR_TRY(const std::string piece, file->read_at(offset, kPieceBytes));
    if (piece.empty()) return ok_status();
    STATOR_CHECK(sink(offset, piece));
    offset += piece.size();
  }
}

class Restore {
 public:
  Restore(io::FileSystem& files, const std::string& from, std::string data_dir,
          const wal::KeyRing* keys)
      : files_(files),
        from_(whole_path(from)),
        data_dir_(without_slashes(std::move(data_dir))),
        keys_(keys) {}

  Result<Restored> run();

 private:
  // One backup of the chain.
  struct Part {
    std::string directory;
    BackupManifest manifest;
  };

  Result<std::string> place_of(const std::string& base);
  Status read_chain();
  Status check_continues(const Part& part, const Part& next) const;
  Status verify(const Part& part);
  Status verify(const std::string& path, const BackupFile& file);
  Status check_target();
  Status build();
  Status copy_store(const Part& full, const std::string& store, std::uint32_t lane);
  Status build_log();
  Status write_layout(const Part& full);

  io::FileSystem& files_;
  const std::string from_;
  const std::string data_dir_;
  const wal::KeyRing* keys_;
  std::vector<Part> parts_;  // the full backup first
  Restored done_;
};

// Beside the path that was given, or, if that is a link, beside the backup itself.
Result<std::string> Restore::place_of(const std::string& base) {
  const std::string beside = parent_of(from_) + "/" + base;
  STATOR_TRY(const bool is_there, files_.exists(beside));
  std::error_code code;
  const std::string behind = std::filesystem::canonical(from_, code);
  return is_there || code ? beside : parent_of(behind) + "/" + base;
}

// From the last backup back to the full one. No backup is met twice, for each names the sum of its
// base's manifest, in which the sums of all before it are.
Status Restore::read_chain() {
  std::string directory = from_;
  std::string expected_sum;  // of the manifest; empty: nobody said
  for (;;) {
    STATOR_TRY(ReadManifest read, read_manifest(files_, directory));
    if (!expected_sum.empty() && read.sha256 != expected_sum) {
      return corrupted(directory + "/MANIFEST is not that of the backup which " +
                       parts_.back().directory + " builds on");
    }
    parts_.push_back({directory, std::move(read.manifest)});
    const auto& base = parts_.back().manifest.base;
    if (!base) {
      std::reverse(parts_.begin(), parts_.end());
      return ok_status();
    }
    expected_sum = base->manifest_sha256;
    STATOR_TRY(directory, place_of(base->name));
  }
}

Status Restore::check_continues(const Part& part, const Part& next) const {
  const wal::LogPosition& end = part.manifest.log.end;
  const wal::LogPosition& begin = next.manifest.log.begin;
  if (begin.next == end.next && begin.chain == end.chain) return ok_status();
  return corrupted(next.directory + "/MANIFEST does not continue " + part.directory);
}

Status Restore::verify(const std::string& path, const BackupFile& file) {
  io::Sha256 sum;
  std::uint64_t bytes = 0;
  const auto sink = [&](std::uint64_t, const std::string& piece) {
    sum.add(piece);
    bytes += piece.size();
    return ok_status();
  };
  STATOR_CHECK(read_pieces(files_, path, sink));
  if (bytes != file.bytes) {
    return corrupted(path + " has " + std::to_string(bytes) + " bytes, its MANIFEST says " +
                     std::to_string(file.bytes));
  }
  if (sum.hex() != file.sha256)
    return corrupted(path + " does not have the checksum that its MANIFEST says");
  done_.bytes += bytes;
  return ok_status();
}

Status Restore::verify(const Part& part) {
  for (const BackupFile& file : part.manifest.files) {
    STATOR_CHECK(verify(part.directory + "/" + file.name, file));
  }
  return ok_status();
}

Status Restore::check_target() {
  STATOR_TRY(const bool is_there, files_.exists(data_dir_));
  if (!is_there) return ok_status();
  STATOR_TRY(const std::vector<std::string> names, files_.list(data_dir_));
  if (names.empty()) return ok_status();
  return Error(ErrorCode::kDuplicateWrite,
               data_dir_ + " is not empty; restore into a new directory");
}

Status Restore::copy_store(const Part& full, const std::string& store, std::uint32_t lane) {
  const std::string directory = lane_directory(store, lane);
  STATOR_CHECK(files_.make_directory(directory));
  STATOR_TRY(const std::unique_ptr<io::File> copy, files_.create(directory + "/data.mdb"));
  const auto sink = [&](std::uint64_t offset, const std::string& piece) {
    return copy->write_at(offset, piece);
  };
  STATOR_CHECK(read_pieces(files_, full.directory + "/" + backup_lane_file(lane), sink));
  STATOR_CHECK(copy->sync());
  return files_.sync_directory(directory);
}

Status Restore::build_log() {
  wal::LogBuilder log(files_, data_dir_ + "/wal", kWalSegmentBytes, keys_);
  STATOR_CHECK(log.begin(parts_.front().manifest.log.begin));
  for (const Part& part : parts_) {
    const std::string path = part.directory + "/" + kBackupLog;
    STATOR_TRY(const std::unique_ptr<io::File> file, files_.open_to_read(path));
    Status added =
        wal::read_batches(*file, [&](const wal::BatchReader& batch) { return log.add(batch); });
    if (!added.ok()) return Error(added.error().code(), path + ": " + added.error().sentence());
    const wal::LogPosition& end = part.manifest.log.end;
    if (log.position().next != end.next || log.position().chain != end.chain) {
      return corrupted(path + " does not end where its MANIFEST says");
    }
  }
  return log.finish();
}

Status Restore::write_layout(const Part& full) {
  STATOR_TRY(const std::string text, io::read_file(files_, full.directory + "/" + kBackupLayout));
  return io::write_file_durably(files_, data_dir_ + "/LAYOUT", text);
}

Status Restore::build() {
  const Part& full = parts_.front();
  STATOR_TRY(const Layout layout, read_layout(files_, full.directory + "/" + kBackupLayout));
  if (layout.lanes != full.manifest.lanes) {
    return corrupted(full.directory + "/" + kBackupLayout +
                     " is of another number of lanes than its MANIFEST");
  }
  // First, so that no server takes it for a new one, wherever this is broken off.
  STATOR_CHECK(files_.make_directory(data_dir_ + "/wal"));
  STATOR_TRY(const std::unique_ptr<io::File> lock, files_.lock(data_dir_ + "/LOCK"));
  STATOR_CHECK(build_log());
  const std::string store = store_directory(data_dir_, layout.generation);
  for (std::uint32_t lane = 0; lane < layout.lanes; ++lane)
    STATOR_CHECK(copy_store(full, store, lane));
  STATOR_CHECK(files_.sync_directory(store));
  STATOR_CHECK(files_.sync_directory(data_dir_));
  STATOR_CHECK(write_layout(full));
  return files_.sync_directory(parent_of(data_dir_));
}

Result<Restored> Restore::run() {
  STATOR_CHECK(check_target());
  STATOR_CHECK(read_chain());
  for (std::size_t i = 0; i + 1 < parts_.size(); ++i)
    STATOR_CHECK(check_continues(parts_[i], parts_[i + 1]));
  for (const Part& part : parts_) STATOR_CHECK(verify(part));
  STATOR_CHECK(build());
  done_.lsn = parts_.back().manifest.lsn;
  done_.backups = parts_.size();
  return done_;
}

}  // namespace

Result<Restored> restore(io::FileSystem& files, const std::string& from,
                         const std::string& data_dir, const wal::KeyRing* keys) {
  return Restore(files, from, data_dir, keys).run();
}

}  // namespace stator::server
