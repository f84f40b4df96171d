// FileSystem on POSIX.1-2008 and flock(2). Files are 0600 and directories 0700: what is in them is
// the users' data.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "io/file_system.h"

namespace stator::io {
namespace {

Error failure(std::string_view action, const std::string& path, int reason) {
  const bool is_full = reason == ENOSPC || reason == EDQUOT;
  return Error(is_full ? ErrorCode::kDiskFull : ErrorCode::kStorage,
               std::string(action) + " " + path + ": " + std::generic_category().message(reason));
}

// Calls until the call was not interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Offsets and sizes that off_t can hold; larger ones are refused before the system sees them.
bool fits_offset(std::uint64_t offset, std::uint64_t size) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  return offset <= kMax && size <= kMax - offset;
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Status write_at(std::uint64_t offset, ByteView bytes) override;
  Result<std::string> read_at(std::uint64_t offset, std::size_t size) override;
  Status read_into(std::uint64_t offset, std::size_t size, ByteBuffer& to) override;
  void will_read() override;
  Status sync() override;
  Result<std::uint64_t> size() override;
  Status truncate(std::uint64_t size) override;
  Status allocate(std::uint64_t size) override;

 private:
  // Of what the file holds behind `offset`, at most `size`.
  Result<std::size_t> available(std::uint64_t offset, std::size_t size);
  // Fewer than `size` only at the end of the file.
  Result<std::size_t> read(std::uint64_t offset, std::size_t size, char* to);

  const int descriptor_;
  const std::string path_;
};

Status PosixFile::write_at(std::uint64_t offset, ByteView bytes) {
  if (!fits_offset(offset, bytes.size())) return failure("write", path_, EFBIG);
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] {
      return ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (written < 0) return failure("write", path_, errno);
    if (written == 0) return failure("write", path_, EIO);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return ok_status();
}

Result<std::size_t> PosixFile::available(std::uint64_t offset, std::size_t size) {
  STATOR_TRY(const std::uint64_t end, this->size());
  const std::uint64_t left = offset < end ? end - offset : 0;
  return static_cast<std::size_t>(std::min<std::uint64_t>(size, left));
}

Result<std::size_t> PosixFile::read(std::uint64_t offset, std::size_t size, char* to) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = uninterrupted([&] {
      return ::pread(descriptor_, to + done, size - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) return failure("read", path_, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<std::string> PosixFile::read_at(std::uint64_t offset, std::size_t size) {
  STATOR_TRY(const std::size_t wanted, available(offset, size));
  std::string bytes(wanted, '\0');
  STATOR_TRY(const std::size_t done, read(offset, wanted, bytes.data()));
  bytes.resize(done);
  return bytes;
}

Status PosixFile::read_into(std::uint64_t offset, std::size_t size, ByteBuffer& to) {
  STATOR_TRY(const std::size_t wanted, available(offset, size));
  STATOR_TRY(const std::size_t done, read(offset, wanted, to.reserve(wanted)));
  to.commit(done);
  return ok_status();
}

void PosixFile::will_read() {
  static_cast<void>(::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_WILLNEED));
}

// fdatasync: the content and the size that is needed to read it back; not the times.
Status PosixFile::sync() {
  if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0) {
    return failure("sync", path_, errno);
  }
  return ok_status();
}

Result<std::uint64_t> PosixFile::size() {
  struct stat about {};
  if (::fstat(descriptor_, &about) != 0) return failure("stat", path_, errno);
  return static_cast<std::uint64_t>(about.st_size);
}

Status PosixFile::truncate(std::uint64_t size) {
  if (!fits_offset(0, size)) return failure("truncate", path_, EFBIG);
  const auto wanted = static_cast<off_t>(size);
  if (uninterrupted([&] { return ::ftruncate(descriptor_, wanted); }) != 0) {
    return failure("truncate", path_, errno);
  }
  return ok_status();
}

Status PosixFile::allocate(std::uint64_t size) {
  if (size == 0) return ok_status();
  if (!fits_offset(0, size)) return failure("allocate", path_, EFBIG);
  int reason = EINTR;
  while (reason == EINTR) reason = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(size));
  return reason == 0 ? ok_status() : Status(failure("allocate", path_, reason));
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path) override {
    return open_with(path, O_RDWR, "open");
  }
  Result<std::unique_ptr<File>> open_to_read(const std::string& path) override {
    return open_with(path, O_RDONLY, "open");
  }
  Result<std::unique_ptr<File>> open_durable(const std::string& path) override {
    auto direct = open_with(path, O_RDWR | O_DSYNC | O_DIRECT, "open");
    // Some file systems refuse O_DIRECT; durable it is all the same.
    return direct.ok() ? std::move(direct) : open_with(path, O_RDWR | O_DSYNC, "open");
  }
  Result<std::unique_ptr<File>> create(const std::string& path) override {
    return open_with(path, O_RDWR | O_CREAT | O_EXCL, "create");
  }
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<bool> exists(const std::string& path) override;
  Status make_directory(const std::string& path) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<File>> lock(const std::string& path) override;

 private:
  static Result<std::unique_ptr<File>> open_with(const std::string& path, int flags,
                                                 std::string_view action);
};

Result<std::unique_ptr<File>> PosixFileSystem::open_with(const std::string& path, int flags,
                                                         std::string_view action) {
  const int descriptor =
      uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); });
  if (descriptor < 0) return failure(action, path, errno);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor, path));
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& directory) {
  std::error_code reason;
  std::filesystem::directory_iterator at(directory, reason);
  std::vector<std::string> names;
  for (; !reason && at != std::filesystem::directory_iterator(); at.increment(reason)) {
    names.push_back(at->path().filename().string());
  }
  if (reason) return failure("list", directory, reason.value());
  std::sort(names.begin(), names.end());
  return names;
}

Result<bool> PosixFileSystem::exists(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return failure("stat", path, errno);
}

Status PosixFileSystem::make_directory(const std::string& path) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string step = path.substr(0, end);
    if (::mkdir(step.c_str(), 0700) == 0) {
      STATOR_CHECK(sync_directory(step + "/.."));
    } else if (errno != EEXIST) {
      return failure("make directory", step, errno);
    }
  }
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return failure("make directory", path, errno);
  return S_ISDIR(about.st_mode) ? ok_status() : Status(failure("make directory", path, ENOTDIR));
}

Status PosixFileSystem::remove(const std::string& path) {
  std::error_code reason;
  std::filesystem::remove_all(path, reason);
  return reason ? Status(failure("remove", path, reason.value())) : ok_status();
}

Status PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failure("rename", from, errno);
  return ok_status();
}

Status PosixFileSystem::sync_directory(const std::string& path) {
  const int descriptor =
      uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return failure("open", path, errno);
  const int result = uninterrupted([&] { return ::fsync(descriptor); });
  const int reason = errno;
  ::close(descriptor);
  return result == 0 ? ok_status() : Status(failure("sync", path, reason));
}

// flock(2) belongs to the open file, so it goes with the process however that ends; the pid inside
// is for the message alone.
Result<std::unique_ptr<File>> PosixFileSystem::lock(const std::string& path) {
  const int descriptor =
      uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); });
  if (descriptor < 0) return failure("open", path, errno);
  auto file = std::make_unique<PosixFile>(descriptor, path);
  if (uninterrupted([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return failure("lock", path, errno);
    auto holder = file->read_at(0, 20);
    const std::string pid = holder.ok() ? holder.value().substr(0, holder.value().find('\n')) : "";
    return Error(ErrorCode::kBusy,
                 path + " is in use by process " + (pid.empty() ? "(unknown)" : pid));
  }
  STATOR_CHECK(file->truncate(0));
  STATOR_CHECK(file->write_at(0, std::to_string(::getpid()) + "\n"));
  return std::unique_ptr<File>(std::move(file));
}

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem files;
  return files;
}

}  // namespace stator::io
