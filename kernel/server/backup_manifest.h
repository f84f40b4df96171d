// What a backup consists of (docs/formats/backup.md): a directory with a MANIFEST that names every
// other file with size and SHA-256, and MANIFEST.sha256, which vouches for the MANIFEST.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/file_system.h"
#include "wal/log_copy.h"

namespace stator::server {

struct BackupFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;
};

// The backup that an incremental one continues.
struct BackupBase {
  std::string name;
  std::string manifest_sha256;
};

struct BackupManifest {
  std::string version;  // of the server
  std::string name;
  Lsn lsn;              // the data is as of here
  std::string created;  // UTC
  std::uint32_t lanes = 0;
  wal::CopiedRange log;
  std::optional<BackupBase> base;  // none: a full backup
  std::vector<BackupFile> files;
};

// A manifest that was read, and its own sum.
struct ReadManifest {
  BackupManifest manifest;
  std::string sha256;
};

inline constexpr std::uint32_t kBackupFormat = 1;
inline constexpr const char* kBackupLog = "log";
inline constexpr const char* kBackupLayout = "LAYOUT";
inline constexpr const char* kBackupManifest = "MANIFEST";
inline constexpr const char* kBackupManifestSum = "MANIFEST.sha256";
std::string backup_lane_file(std::uint32_t lane);

// 1..64 of letters, digits, '.', '_', '-'; no '.' first, no ".partial" last (that is where one is
// made).
bool is_backup_name(std::string_view name);

std::string format_manifest(const BackupManifest& manifest);
// Error: kCorrupted, or kUnsupported for another format.
Result<BackupManifest> parse_manifest(std::string_view text);

// What MANIFEST.sha256 holds: `sum` as sha256sum writes it.
std::string manifest_sum_line(std::string_view sum);
// Errors name the file: kNotFound, kCorrupted, kUnsupported, kStorage.
Result<ReadManifest> read_manifest(io::FileSystem& files, const std::string& directory);

}  // namespace stator::server
