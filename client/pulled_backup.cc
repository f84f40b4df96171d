#include "pulled_backup.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "json_value.h"

namespace stator::client {
namespace {

constexpr const char* kManifest = "MANIFEST";
constexpr const char* kManifestSum = "MANIFEST.sha256";
// As the server limits what it takes of one.
constexpr std::size_t kManifestBytesMax = 64u * 1024;

bool is_file_name(std::string_view name) {
  const auto is_good = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.front() != '.' && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), is_good);
}

[[noreturn]] void not_a_backup(const std::string& why) {
  throw Failure(kExitConnection, "the server sent a backup that is none: " + why);
}

void sync_directory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

}  // namespace

PulledBackup::PulledBackup(const std::string& path) : path_(path), partial_(path + ".partial") {
  std::error_code code;
  if (std::filesystem::exists(path_, code)) {
    throw Failure(kExitUsage, "'" + path_ + "' exists already");
  }
  take_partial();
  for (const auto& left : std::filesystem::directory_iterator(partial_, code)) {
    std::filesystem::remove_all(left.path(), code);
  }
}

PulledBackup::~PulledBackup() {
  if (fd_ >= 0) close(fd_);
  std::error_code code;
  if (!is_finished_) std::filesystem::remove_all(partial_, code);
  close(partial_fd_);
}

// The directory's lock goes with its process, however that ends. Some network file systems have
// none for directories. A link is not followed: what it points to is nothing that a pull left.
void PulledBackup::take_partial() {
  for (;;) {
    if (mkdir(partial_.c_str(), 0700) != 0 && errno != EEXIST) fail(partial_);
    partial_fd_ = open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (partial_fd_ < 0 && errno == ENOENT) continue;  // its pull ended in between
    if (partial_fd_ < 0) fail(partial_);
    if (flock(partial_fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      close(partial_fd_);
      throw Failure(kExitUsage, "another pull writes '" + partial_ + "'");
    }
    struct stat mine {};
    struct stat there {};
    fstat(partial_fd_, &mine);
    const bool is_there = lstat(partial_.c_str(), &there) == 0;
    if (is_there && mine.st_ino == there.st_ino && mine.st_dev == there.st_dev) return;
    close(partial_fd_);  // removed, or renamed, before it was locked
  }
}

void PulledBackup::fail(const std::string& path) const {
  throw Failure(kExitUsage, "cannot write '" + path + "': " + std::strerror(errno));
}

void PulledBackup::begin(std::string_view name) {
  if (!is_file_name(name)) not_a_backup("a file's name");
  const auto is_it = [&](const File& file) { return file.name == name; };
  if (std::any_of(files_.begin(), files_.end(), is_it)) not_a_backup("a file comes twice");
  files_.push_back({std::string(name), 0, {}});
  const std::string path = partial_ + "/" + files_.back().name;
  fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd_ < 0) fail(path);
  digest_ = std::make_unique<Digest>();
  text_.clear();
}

void PulledBackup::end() {
  if (fd_ < 0) return;
  File& file = files_.back();
  file.sha256 = digest_->so_far();
  if (fsync(fd_) != 0) fail(partial_ + "/" + file.name);
  close(fd_);
  fd_ = -1;
  if (file.name == kManifest) manifest_ = text_;
  if (file.name == kManifestSum) manifest_sum_ = text_;
}

void PulledBackup::add(std::string_view name, std::uint64_t offset, std::string_view bytes) {
  if (files_.empty() || files_.back().name != name) {
    end();
    begin(name);
  }
  File& file = files_.back();
  if (fd_ < 0 || offset != file.bytes) not_a_backup("a piece of '" + file.name + "' is missing");
  digest_->add(bytes);
  if (text_.size() < kManifestBytesMax) text_ += bytes;
  file.bytes += bytes.size();
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) fail(partial_ + "/" + file.name);
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void PulledBackup::verify() const {
  JsonValue manifest;
  if (!parse_json(manifest_, manifest)) not_a_backup("it has no MANIFEST");
  const auto find = [&](std::string_view name) {
    return std::find_if(files_.begin(), files_.end(),
                        [&](const File& file) { return file.name == name; });
  };
  const std::vector<JsonValue>& named = manifest["files"].items;
  if (named.empty() || named.size() + 2 != files_.size()) not_a_backup("a file is missing");
  for (const JsonValue& one : named) {
    const auto file = find(one["name"].text);
    if (file == files_.end() || std::to_string(file->bytes) != one["bytes"].text ||
        file->sha256 != one["sha256"].text) {
      not_a_backup("'" + one["name"].text + "' is not what its MANIFEST says");
    }
  }
  if (manifest_sum_ != find(kManifest)->sha256 + "  MANIFEST\n") {
    not_a_backup("its MANIFEST has another checksum");
  }
}

void PulledBackup::finish() {
  end();
  verify();
  sync_directory(partial_);
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) fail(path_);
  is_finished_ = true;
  sync_directory(std::filesystem::absolute(path_).parent_path());
}

}  // namespace stator::client
