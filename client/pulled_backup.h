// The directory of a backup that is received: called NAME.partial until every file is there, has
// the checksum that the MANIFEST says, and is on the disk. docs/formats/backup.md is the format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "digest.h"

namespace stator::client {

class PulledBackup {
 public:
  // `path` is to become the backup. Throws Failure (usage) where something is there, another pull
  // writes it, or it cannot be made; what a pull that was broken off left is removed.
  explicit PulledBackup(const std::string& path);
  // Without finish() nothing is left.
  ~PulledBackup();
  PulledBackup(const PulledBackup&) = delete;
  PulledBackup& operator=(const PulledBackup&) = delete;

  // The next piece: of the file at hand, or the first one of another. Throws Failure: connection
  // for a name that is none and for a piece that does not follow, usage where it cannot be written.
  void add(std::string_view file, std::uint64_t offset, std::string_view bytes);
  // Throws Failure: connection if it is not what its MANIFEST says, usage where it cannot be
  // synced.
  void finish();
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct File {
    std::string name;
    std::uint64_t bytes = 0;
    std::string sha256;
  };
  void take_partial();
  void begin(std::string_view name);
  void end();
  void verify() const;
  [[noreturn]] void fail(const std::string& path) const;

  const std::string path_;
  const std::string partial_;
  int partial_fd_ = -1;             // its lock says whose partial_ is
  int fd_ = -1;                     // of files_.back()
  std::unique_ptr<Digest> digest_;  // of it
  std::string text_;                // of it, if it is as small as a manifest
  std::string manifest_;
  std::string manifest_sum_;
  std::vector<File> files_;
  std::uint64_t bytes_ = 0;
  bool is_finished_ = false;
};

}  // namespace stator::client
